sub vcl_recv {
    if (req.url ~ "/(events|api)/") {
        set req.hash_ignore_busy = true;     # who waits does not wait for others
    }
}
sub vcl_backend_fetch {
    if (bereq.url ~ "/(events|api)/") {
        set bereq.first_byte_timeout = 1h;   # a quiet connection is not a dead one
        set bereq.between_bytes_timeout = 1h;
    }
}
sub vcl_backend_response {
    if (bereq.url ~ "/(events|api)/") {
        set beresp.do_stream = true;         # pass events on as they come
        set beresp.do_gzip = false;          # compressing would store them first
        set beresp.uncacheable = true;
        return (deliver);
    }
}

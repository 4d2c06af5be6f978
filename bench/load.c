/* Server-Sent Events load client: one process, N subscribers, one publisher. Needs libc only.
 *
 *   load PORT PATH N line|http PUBLISH_PORT PAD PID[,PID...]
 *
 * It opens N streams on PATH, then obeys standard input, one phase a line, and answers each on
 * standard output with one line of JSON:
 *
 *   W<k> <seconds>   closed loop: k events in flight; the next one goes out when one came to all
 *   R<r> <seconds>   open loop: r events a second, whatever comes back
 *
 * Events are published as lines to PUBLISH_PORT ("line"), or as POST /pub ("http"). Each carries
 * "@" and 19 digits, the nanosecond it was made: that is what is counted, and latency comes from
 * it. PAD letters are added, so that every server can be given frames of the same size. The CPU
 * time and memory of the PIDs are read from /proc.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "meter.h"

enum { MARK = 20, ROOM = 1 << 18, EVENT = 2048, OPENING = 64, PUBLISHER = -1 };

static const uint64_t WARM_UP = 500000000ULL;
static const uint64_t DRAIN = 20 * 1000000000ULL;

struct stream {
    int fd, ready, dead, carried;
    char carry[MARK]; /* the beginning of a mark whose end is still to be read */
    uint64_t events;
};

static struct stream *streams;
static int wanted, epoll, publisher, over_http, pad, dead;
static uint64_t published, delivered, bytes_in, reads;
static int recording;

/* Receiving */

static void count_marks(struct stream *s, char *start, char *end)
{
    uint64_t at = now();
    char *mark = start;
    while ((mark = memchr(mark, '@', end - mark))) {
        if (end - mark < MARK) {
            s->carried = end - mark;
            memcpy(s->carry, mark, s->carried);
            return;
        }
        uint64_t made = 0;
        int i = 1;
        for (; i < MARK && mark[i] >= '0' && mark[i] <= '9'; i++)
            made = made * 10 + (mark[i] - '0');
        if (i < MARK) {
            mark++;
            continue;
        }
        mark += MARK;
        delivered++;
        s->events++;
        if (recording)
            histogram[bucket_of(at > made ? (at - made) / 1000 : 0)]++;
    }
}

static void read_stream(struct stream *s)
{
    static char buffer[MARK + ROOM];
    for (;;) {
        int n = read(s->fd, buffer + MARK, ROOM);
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
            return;
        if (n <= 0) {
            epoll_ctl(epoll, EPOLL_CTL_DEL, s->fd, NULL);
            s->dead = 1;
            dead++;
            return;
        }
        reads++;
        bytes_in += n;
        s->ready = 1;
        char *start = buffer + MARK - s->carried;
        memcpy(start, s->carry, s->carried);
        s->carried = 0;
        count_marks(s, start, buffer + MARK + n);
        if (n < ROOM)
            return;
    }
}

static void discard_answers(void)
{
    char answers[1 << 14];
    while (read(publisher, answers, sizeof answers) > 0)
        ;
}

static void pump(int timeout_ms)
{
    struct epoll_event events[512];
    int n = epoll_wait(epoll, events, 512, timeout_ms);
    for (int i = 0; i < n; i++) {
        if (events[i].data.fd == PUBLISHER)
            discard_answers();
        else
            read_stream(&streams[events[i].data.fd]);
    }
    if (dead) {
        fprintf(stderr, "%d streams were closed by the server\n", dead);
        exit(3);
    }
}

static void watch(int fd, int tag)
{
    struct epoll_event event = {.events = EPOLLIN, .data.fd = tag};
    fcntl(fd, F_SETFL, O_NONBLOCK);
    epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
}

static int connect_to(int port)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0), one = 1;
    if (fd < 0)
        fail("socket");
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (connect(fd, (struct sockaddr *)&address, sizeof address))
        fail("connect");
    return fd;
}

static void open_streams(int port, const char *path)
{
    char request[1024];
    int length = snprintf(request, sizeof request,
                          "GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: text/event-stream\r\n\r\n",
                          path);
    long memory = memory_kb();
    double cpu = cpu_seconds();
    uint64_t started = now();
    for (int opened = 0, ready = 0; ready < wanted;) {
        for (; opened < wanted && opened - ready < OPENING; opened++) {
            int fd = streams[opened].fd = connect_to(port);
            if (write(fd, request, length) != length)
                fail("request");
            watch(fd, opened);
        }
        pump(100);
        ready = 0;
        for (int i = 0; i < opened; i++)
            ready += streams[i].ready;
        if (now() - started > 120 * SECOND) {
            fprintf(stderr, "only %d of %d streams opened\n", ready, wanted);
            exit(3);
        }
    }
    double took = (now() - started) / 1e9;
    cpu = cpu_seconds() - cpu;
    for (uint64_t until = now() + SECOND / 2; now() < until;)
        pump(50);
    printf("{\"rate\":%.1f,\"cpu_us\":%.1f,\"kb\":%.3f}\n", wanted / took, cpu * 1e6 / wanted,
           (memory_kb() - memory) / (double)wanted);
    fflush(stdout);
}

/* Publishing */

static int make_event(char *to)
{
    int n = sprintf(to, "{\"seq\":%llu,\"t\":\"@%019llu\",\"pad\":\"",
                    (unsigned long long)++published, (unsigned long long)now());
    memset(to + n, 'x', pad);
    n += pad;
    return n + sprintf(to + n, "\"}");
}

static void send_all(const char *data, int length)
{
    for (int sent = 0; sent < length;) {
        int n = write(publisher, data + sent, length - sent);
        if (n < 0 && errno != EAGAIN)
            fail("publish");
        if (n > 0)
            sent += n;
        else
            pump(1);
    }
}

static void publish(int count)
{
    static char out[1 << 20];
    int length = 0;
    for (int i = 0; i < count; i++) {
        char event[EVENT];
        int n = make_event(event);
        if (over_http)
            length += sprintf(out + length,
                              "POST /pub HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                              "Content-Length: %d\r\n\r\n", n);
        memcpy(out + length, event, n);
        length += n;
        if (!over_http)
            out[length++] = '\n';
        if (length > (int)sizeof out - 2 * EVENT)
            break; /* the rest is due in the next turn */
    }
    send_all(out, length);
}

/* Phases */

static void drain(void)
{
    for (uint64_t until = now() + DRAIN; delivered < published * wanted && now() < until;)
        pump(50);
}

static int all_have(uint64_t count)
{
    for (int i = 0; i < wanted; i++)
        if (streams[i].events != count)
            return 0;
    return 1;
}

static void run_phase(char kind, double k, double seconds)
{
    drain();
    uint64_t published_before = published, delivered_before = delivered;
    uint64_t started = now(), warm = started + WARM_UP, end = warm + seconds * SECOND;
    uint64_t measured_from = 0, deliveries = 0, bytes = 0, read_count = 0, at;
    double cpu = 0, own = 0;
    recording = 0;
    while ((at = now()) < end) {
        if (!recording && at >= warm) {
            recording = 1;
            memset(histogram, 0, sizeof histogram);
            measured_from = at;
            deliveries = delivered, bytes = bytes_in, read_count = reads;
            cpu = cpu_seconds(), own = own_cpu_seconds();
        }
        uint64_t sent = published - published_before;
        int timeout = 5;
        if (kind == 'W') {
            int64_t in_flight = sent - (delivered - delivered_before) / wanted;
            if (in_flight < k)
                publish(k - in_flight);
        } else {
            uint64_t due = (at - started) / 1e9 * k;
            if (due > sent)
                publish(due - sent);
            uint64_t next = started + (published - published_before + 1) / k * 1e9;
            uint64_t then = now();
            timeout = next > then ? (next - then) / 1000000 : 0;
            timeout = timeout > 5 ? 5 : timeout;
        }
        pump(timeout);
    }
    double took = (now() - measured_from) / 1e9;
    cpu = cpu_seconds() - cpu, own = own_cpu_seconds() - own;
    deliveries = delivered - deliveries, bytes = bytes_in - bytes, read_count = reads - read_count;
    recording = 0;
    double p50 = percentile(0.50), p99 = percentile(0.99);
    double behind = published - delivered / (double)wanted;
    drain();
    printf("{\"rate\":%.0f,\"per_cpu\":%.0f,\"cpu\":%.4f,\"client_cpu\":%.4f,\"p50\":%.3f,"
           "\"p99\":%.3f,\"per_read\":%.2f,\"bytes\":%.1f,\"kb\":%ld,\"behind\":%.1f,"
           "\"complete\":%s}\n",
           deliveries / took, cpu > 0 ? deliveries / cpu : 0, cpu / took, own / took, p50, p99,
           deliveries / (double)(read_count ? read_count : 1),
           bytes / (double)(deliveries ? deliveries : 1), memory_kb(), behind,
           all_have(published) ? "true" : "false");
    fflush(stdout);
}

int main(int count, char **argument)
{
    if (count != 8) {
        fprintf(stderr, "usage: load PORT PATH N line|http PUBLISH_PORT PAD PID[,PID...]\n");
        return 2;
    }
    wanted = atoi(argument[3]);
    over_http = !strcmp(argument[4], "http");
    pad = atoi(argument[6]);
    if (wanted < 1 || pad < 0 || pad > EVENT / 2)
        return 2;
    for (char *pid = strtok(argument[7], ","); pid && pid_count < 8; pid = strtok(NULL, ","))
        pids[pid_count++] = atoi(pid);
    streams = calloc(wanted, sizeof *streams);
    epoll = epoll_create1(0);
    open_streams(atoi(argument[1]), argument[2]);
    publisher = connect_to(atoi(argument[5]));
    watch(publisher, PUBLISHER);

    char line[64], kind;
    double k, seconds;
    while (fgets(line, sizeof line, stdin)) {
        if (sscanf(line, "%c%lf %lf", &kind, &k, &seconds) != 3 || !strchr("WR", kind) || k <= 0)
            return 2;
        run_phase(kind, k, seconds);
    }
    return 0;
}

// Where events come from, for Stream's `url`.

// `root`: absolute address of the server's root, with a slash at its end
export function addresses(root) {
  return (topics, parameters) => `${root}events/${topics.join(",")}?${new URLSearchParams(parameters)}`;
}

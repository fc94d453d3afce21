import org.jspecify.annotations.NullMarked;

/** The attribute tree over a local socket: wire words, the server, and the client that reads, writes and watches; the client of a mount as well. */
@NullMarked
module redoubt.control {
    requires static org.jspecify;
    requires transitive redoubt.kernfs;
    requires jdk.net;

    exports redoubt.control;
}

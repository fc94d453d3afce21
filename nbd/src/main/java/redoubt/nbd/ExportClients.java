package redoubt.nbd;

import java.util.concurrent.atomic.AtomicInteger;

/**
 * Counts the clients of some exports, all of them together: exports that one client has as one, such as the doors of a daemon. A client counts from
 * the end of its handshake to the end of its connection, in whatever way that ends. Any thread.
 */
public final class ExportClients {

    /** Who is told. */
    public interface Gone {
        /**
         * There were clients, and there is none any more: they have disconnected, died, or were cut. On a thread of the server, so it must not
         * wait.
         */
        void gone();
    }

    private final AtomicInteger there = new AtomicInteger();
    private final Gone gone;

    /** Nobody yet. */
    public ExportClients(Gone gone) {
        this.gone = gone;
    }

    void came() {
        there.getAndIncrement();
    }

    void left() {
        if (there.decrementAndGet() == 0) {
            gone.gone();
        }
    }
}

package redoubt.cli;

import org.jspecify.annotations.Nullable;

/**
 * Tells systemd, or whoever started us and waits, how we are: {@code sd_notify(3)}. Does nothing where {@code NOTIFY_SOCKET} is not set.
 */
final class ServiceManager {

    private final @Nullable String socket;

    ServiceManager(Console console) {
        this.socket = console.environment().get("NOTIFY_SOCKET");
    }

    /** What was asked for is there. */
    void ready(String status) {
        tell("READY=1\nSTATUS=" + status.replace('\n', ' '));
    }

    /** The end has begun. */
    void stopping() {
        tell("STOPPING=1");
    }

    private void tell(String words) {
        String to = socket;
        if (to != null && !to.isEmpty()) {
            boolean told = Libc.sendDatagram(to, words);
            if (!told) {
                // Whoever asked to be told is gone; that changes nothing for the clients of the array.
                return;
            }
        }
    }
}

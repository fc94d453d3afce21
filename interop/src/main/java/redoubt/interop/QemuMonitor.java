package redoubt.interop;

import java.io.IOException;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Iterator;

/** QEMU's machine protocol (QMP), as much of it as plugging disks in and out takes: one JSON document a line. */
final class QemuMonitor implements AutoCloseable {
    private static final Duration ANSWER_LIMIT = Duration.ofSeconds(30);

    private final LineSocket socket;
    private final Deque<String> events = new ArrayDeque<>();

    QemuMonitor(LineSocket socket) {
        this.socket = socket;
        socket.readLine(LineSocket.deadline(ANSWER_LIMIT), "QEMU's greeting");
        execute("qmp_capabilities", "{}");
    }

    /** Runs one command with its arguments, a JSON object; an error from QEMU is thrown with QEMU's words. */
    void execute(String command, String arguments) {
        socket.writeLine("{\"execute\": \"%s\", \"arguments\": %s}".formatted(command, arguments));
        long deadline = LineSocket.deadline(ANSWER_LIMIT);
        while (true) {
            String line = socket.readLine(deadline, "QEMU's answer to " + command);
            if (line.contains("\"event\"")) {
                events.add(line);
            } else if (line.contains("\"error\"")) {
                throw new IllegalStateException("QEMU refuses %s %s: %s".formatted(command, arguments, line.strip()));
            } else if (line.contains("\"return\"")) {
                return;
            }
        }
    }

    /** Waits until QEMU has told of this event for this device. */
    void awaitEvent(String event, String device, Duration limit) {
        long deadline = LineSocket.deadline(limit);
        while (!take(event, device)) {
            events.add(socket.readLine(deadline, event + " of " + device));
        }
    }

    private boolean take(String event, String device) {
        for (Iterator<String> told = events.iterator(); told.hasNext(); ) {
            String line = told.next();
            if (line.contains('"' + event + '"') && line.contains('"' + device + '"')) {
                told.remove();
                return true;
            }
        }
        return false;
    }

    /** The name of a file as a JSON string; a control character in it would be refused by QEMU. */
    static String quoted(String text) {
        return '"' + text.replace("\\", "\\\\").replace("\"", "\\\"") + '"';
    }

    @Override
    public void close() throws IOException {
        socket.close();
    }
}

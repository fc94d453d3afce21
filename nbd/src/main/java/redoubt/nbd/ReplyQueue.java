package redoubt.nbd;

import org.jspecify.annotations.Nullable;

/** The commands of one session whose replies, or the next part of whose replies, can be sent, in order. Belongs to the session's owner. */
final class ReplyQueue {

    /** The one that is sent next; the others follow by {@link Command#next}. */
    @Nullable
    Command first;

    private @Nullable Command last;
    private int count;
    private long readBytes;

    boolean isEmpty() {
        return first == null;
    }

    int count() {
        return count;
    }

    /** Bytes that the READs in the queue asked for. */
    long readBytes() {
        return readBytes;
    }

    /** Puts a command at the end, unless it stands in the queue. */
    void add(Command command) {
        if (command.queued) {
            return;
        }
        command.queued = true;
        count++;
        readBytes += command.type == Wire.CMD_READ ? command.length : 0;
        command.next = null;
        if (last == null) {
            first = command;
        } else {
            last.next = command;
        }
        last = command;
    }

    void removeFirst() {
        Command removed = first;
        if (removed != null) {
            first = removed.next;
            if (first == null) {
                last = null;
            }
            removed.next = null;
            removed.queued = false;
            count--;
            readBytes -= removed.type == Wire.CMD_READ ? removed.length : 0;
        }
    }
}

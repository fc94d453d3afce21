package redoubt.nbd;

import org.jspecify.annotations.Nullable;
import redoubt.base.Bug;
import redoubt.block.IoBuffer;
import redoubt.block.IoMemory;
import redoubt.block.IoOperation;
import redoubt.block.IoRequest;

/**
 * The commands of one session that are in work: gives them to the device, part by part, and takes what came back from the {@link Mailbox}.
 * Whatever can be answered goes into the {@link ReplyQueue}. Belongs to the session's owner.
 *
 * <p>Nothing waits here. What finds no memory or no request to the device answers false, or stands in the list that {@link #startWaiting} tries
 * again.
 */
final class Execution {

    private static final Bug NO_COMMAND = Bug.of("a command was let in that is none");

    private final Terms terms;
    private final Stock stock;
    private final Mailbox mailbox;
    private final HeldBuffers buffers;
    private final ReplyQueue replies;
    private final Export export;
    private final int partBytes;

    private int inWork;
    private @Nullable Command waitingHead;

    Execution(Terms terms, Stock stock, Mailbox mailbox, HeldBuffers buffers, ReplyQueue replies) {
        this.terms = terms;
        this.stock = stock;
        this.mailbox = mailbox;
        this.buffers = buffers;
        this.replies = replies;
        this.export = terms.export();
        this.partBytes = terms.partBytes();
    }

    /** How many commands are in work, from their header to the last byte of their reply. */
    int commandsInWork() {
        return inWork;
    }

    // ---- Commands come. ----

    /** Takes up a lawful command; answers false, and leaves nothing behind, when something is short. */
    boolean start(Command command) {
        boolean started = switch (command.type) {
            case Wire.CMD_READ -> {
                startParts(command);
                yield command.parts > 0;
            }
            case Wire.CMD_WRITE -> {
                command.receiving = true;
                yield true;
            }
            case Wire.CMD_CACHE -> {
                // Nothing that is served here is far away.
                replies.add(command);
                yield true;
            }
            case Wire.CMD_FLUSH -> sendWhole(command, IoOperation.FLUSH, 0);
            case Wire.CMD_TRIM -> sendWhole(command, IoOperation.TRIM, command.length);
            case Wire.CMD_WRITE_ZEROES -> sendWhole(command, IoOperation.WRITE_ZEROES, command.length);
            case Wire.CMD_BLOCK_STATUS -> {
                IoBuffer buffer = buffers.take(IoMemory.ALIGNMENT_BYTES);
                if (buffer == null) {
                    yield false;
                }
                command.buffers[0] = buffer;
                yield sendWhole(command, IoOperation.ALLOCATION, command.length);
            }
            default -> throw NO_COMMAND;
        };
        if (started) {
            inWork++;
        } else {
            buffers.giveBackAll(command);
        }
        return started;
    }

    /** Takes up a command only to refuse it. */
    void refuse(Command command, Refusal why) {
        command.refusal = why;
        inWork++;
        replies.add(command);
    }

    /** Fills as many parts of a READ as there may be at once. */
    private void startParts(Command command) {
        while (command.begun < command.length && command.parts < Command.PARTS && command.refusal == null) {
            int length = (int) Math.min(partBytes, command.length - command.begun);
            IoBuffer buffer = command.spare;
            command.spare = null;
            if (buffer != null && buffer.shared()) {
                // A call that hangs may still write into it.
                buffers.giveBack(buffer);
                buffer = null;
            }
            if (buffer == null) {
                buffer = buffers.take(length);
            }
            if (buffer == null) {
                return;
            }
            int place = command.place(command.parts);
            command.buffers[place] = buffer;
            command.lengths[place] = length;
            command.zeroes[place] = false;
            if (!sendPart(command, place, IoOperation.READ)) {
                command.buffers[place] = null;
                command.spare = buffer;
                return;
            }
            command.parts++;
            command.begun += length;
        }
    }

    // ---- A payload comes; the reader puts it into the place that it is given. ----

    /** Readies the place that a WRITE's next bytes go to; answers false when there is no memory for it. */
    boolean openPlace(Command command) {
        if (command.received > 0 || command.buffers[command.head] != null) {
            return true;
        }
        int length = (int) Math.min(partBytes, command.length - command.begun);
        IoBuffer buffer = buffers.take(length);
        if (buffer == null) {
            return false;
        }
        command.buffers[command.head] = buffer;
        command.lengths[command.head] = length;
        command.parts++;
        return true;
    }

    /** The part at the head of a WRITE has been received: to the device with it. Answers false when no request is free. */
    boolean placeFilled(Command command) {
        int place = command.head;
        if (!sendPart(command, place, IoOperation.WRITE)) {
            return false;
        }
        command.begun += command.lengths[place];
        command.received = 0;
        command.head = command.place(1);
        command.receiving = command.begun < command.length;
        return true;
    }

    /** Nothing more is received for a WRITE that the device has refused a part of. */
    void giveUpReceiving(Command command) {
        command.receiving = false;
        if (command.open == 0) {
            replies.add(command);
        }
    }

    // ---- To the device. ----

    /** Sends a command that is one request. */
    private boolean sendWhole(Command command, IoOperation operation, long length) {
        if (!stock.requests.reserve(1)) {
            return false;
        }
        command.open = 1;
        command.openInPart[0] = 1;
        send(command, 0, operation, command.offset, length);
        return true;
    }

    /** Sends the part that begins where the last one ended; answers false, and changes nothing, when no request is free. */
    private boolean sendPart(Command command, int place, IoOperation operation) {
        if (!stock.requests.reserve(1)) {
            return false;
        }
        command.openOneMore();
        command.openInPart[place] = 1;
        send(command, place, operation, command.offset + command.begun, command.lengths[place]);
        return true;
    }

    private void send(Command command, int place, IoOperation operation, long offset, long length) {
        int flags = 0;
        if (operation.changesData()) {
            flags |= (command.flags & Wire.CMD_FLAG_FUA) != 0 ? IoRequest.FUA : 0;
            flags |= (command.flags & Wire.CMD_FLAG_NO_HOLE) != 0 ? IoRequest.NO_HOLE : 0;
            flags |= (command.flags & Wire.CMD_FLAG_FAST_ZERO) != 0 ? IoRequest.FAST_ZERO : 0;
        }
        IoRequest request =
                stock.requests.take().prepare(operation, offset, length, flags, command.buffers[place], 0, mailbox);
        request.attachment = command;
        request.slot = place;
        export.device.submit(request);
    }

    // ---- From the device. ----

    /** Looks at every request that came back; answers whether there was one. */
    boolean takeMail() {
        boolean any = false;
        IoRequest request = mailbox.takeMail();
        while (request != null) {
            IoRequest next = request.next;
            request.next = null;
            settled(request);
            request = next;
            any = true;
        }
        request = mailbox.takeInline();
        while (request != null) {
            settled(request);
            request = mailbox.takeInline();
            any = true;
        }
        return any;
    }

    private void settled(IoRequest request) {
        Command command = Command.of(request);
        int place = request.slot;
        if (!request.status().ok() && command.refusal == null) {
            command.refusal = refusal(command, request);
        }
        if (command.type == Wire.CMD_BLOCK_STATUS) {
            command.descriptors = request.result;
        }
        adoptBuffer(command, place, request);
        request.free();
        command.openOneLess();
        command.openInPart[place]--;
        switch (command.type) {
            case Wire.CMD_READ -> readSettled(command, place);
            case Wire.CMD_WRITE -> {
                if (command.openInPart[place] == 0) {
                    buffers.giveBack(command.buffers[place]);
                    command.buffers[place] = null;
                    command.parts--;
                }
                if (command.open == 0 && !command.receiving) {
                    replies.add(command);
                }
            }
            default -> replies.add(command);
        }
    }

    private void readSettled(Command command, int place) {
        if (command.refusal != null) {
            if (command.open == 0) {
                replies.add(command);
            }
        } else if (command.openInPart[place] == 0) {
            if (terms.structured()) {
                command.zeroes[place] = Zeroes.only(command, place);
            }
            if (place == command.head) {
                replies.add(command);
            }
        }
    }

    /**
     * An array that lost a member in the middle of a read goes on in other memory, for the hung call may still write into the first:
     * the data is where the request says now.
     */
    private void adoptBuffer(Command command, int place, IoRequest request) {
        IoBuffer had = command.buffers[place];
        if (had == null) {
            return;
        }
        command.starts[place] = request.bufferOffset();
        IoBuffer has = request.buffer();
        if (has != had) {
            buffers.adopt(has);
            command.buffers[place] = has;
            buffers.giveBack(had);
        }
    }

    private static @Nullable Refusal refusal(Command command, IoRequest request) {
        Refusal refusal = Refusal.of(request.status());
        if (refusal == Refusal.NOT_FAST && command.type == Wire.CMD_BLOCK_STATUS) {
            // A device that does not know what it holds: data, as far as anybody can tell.
            return null;
        }
        if (refusal == Refusal.NOT_FAST && (command.flags & Wire.CMD_FLAG_FAST_ZERO) == 0) {
            return Refusal.IO_ERROR;
        }
        return refusal;
    }

    // ---- Replies go out. ----

    /**
     * The oldest part of a READ was sent: its memory takes the next one.
     *
     * @return whether that was the last part
     */
    boolean partSent(Command command) {
        int place = command.head;
        IoBuffer buffer = command.headBuffer();
        command.buffers[place] = null;
        command.sent += command.lengths[place];
        command.head = command.place(1);
        command.parts--;
        if (command.sent == command.length) {
            buffers.giveBack(buffer);
            return true;
        }
        if (command.begun == command.length || command.spare != null) {
            buffers.giveBack(buffer);
        } else {
            command.spare = buffer;
        }
        startOrWait(command);
        return false;
    }

    /** A command's reply was sent. */
    void finish(Command command) {
        buffers.giveBackAll(command);
        inWork--;
        command.pool.giveBack(command);
    }

    private void startOrWait(Command command) {
        startParts(command);
        if (command.parts == 0 && command.refusal == null && !command.waiting) {
            command.waiting = true;
            command.nextWaiting = waitingHead;
            waitingHead = command;
        }
    }

    /** Tries again to start parts that could not be; answers whether some still cannot. */
    boolean startWaiting() {
        Command command = waitingHead;
        waitingHead = null;
        while (command != null) {
            Command next = command.nextWaiting;
            command.nextWaiting = null;
            command.waiting = false;
            startOrWait(command);
            command = next;
        }
        return waitingHead != null;
    }

    // ---- The end. ----

    /**
     * The session is closed: puts away all commands of which the device has nothing.
     *
     * @param cut the one whose payload was being received, null if there was none
     * @return how many are left
     */
    int putAwayAll(@Nullable Command cut) {
        while (waitingHead != null) {
            Command command = waitingHead;
            waitingHead = command.nextWaiting;
            if (command.open == 0 && !command.queued) {
                putAway(command);
            }
        }
        while (replies.first != null) {
            Command command = replies.first;
            replies.removeFirst();
            if (command.open == 0) {
                putAway(command);
            }
        }
        if (cut != null && cut.open == 0) {
            putAway(cut);
        }
        return inWork;
    }

    private void putAway(Command command) {
        inWork--;
        command.putAway();
    }
}

package redoubt.control;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.SelectionKey;
import java.nio.channels.SocketChannel;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;
import redoubt.kernfs.Access;
import redoubt.kernfs.Errno;
import redoubt.kernfs.KernfsAttribute;
import redoubt.kernfs.KernfsDirectory;
import redoubt.kernfs.KernfsLink;
import redoubt.kernfs.KernfsNode;
import redoubt.kernfs.NodeRefused;
import redoubt.kernfs.OpenFile;
import redoubt.kernfs.Outcome;

/**
 * One client of the control socket. Its memory is fixed: a request is looked at only when its whole answer has room, so a client that does
 * not read its answers is not listened to; a change is written only when its line has room, and is counted until then.
 *
 * <p>Belongs to the server's thread, but for {@link Watch#changed}, which any notifier calls. Reused for the next client when one has gone.
 */
final class ControlSession {

    private static final int WATCHES_LIMIT = 128;
    private static final int ANSWER_ROOM_BYTES = ControlWords.READ_LIMIT_BYTES + 64;
    private static final int CHANGES_ROOM_BYTES = 8 << 10;

    /** An attribute that the client watches. */
    private final class Watch implements redoubt.kernfs.Watcher {
        private final OpenFile file;
        private final byte[] path;
        private final AtomicLong events = new AtomicLong(); // any notifier raises it
        private long told; // the server's thread

        private Watch(OpenFile file, String path) {
            this.file = file;
            this.path = path.getBytes(UTF_8);
        }

        @Override
        public void changed(OpenFile changedFile) {
            events.getAndIncrement();
            server.ring();
        }
    }

    private final KernfsDirectory root;
    private final ControlServer server;
    private final ByteBuffer input =
            ByteBuffer.allocate(ControlWords.LINE_LIMIT_BYTES + 1 + ControlWords.WRITE_LIMIT_BYTES);
    private final ByteBuffer output = ByteBuffer.allocate(ANSWER_ROOM_BYTES + CHANGES_ROOM_BYTES);
    private final ByteBuffer value = ByteBuffer.allocate(ControlWords.READ_LIMIT_BYTES);
    private final List<Watch> watches = new ArrayList<>();
    private @Nullable SocketChannel channel;
    private @Nullable SelectionKey key;
    private boolean readable;
    private boolean hungUp;

    ControlSession(KernfsDirectory root, ControlServer server) {
        this.root = root;
        this.server = server;
    }

    void begin(SocketChannel newChannel, SelectionKey newKey) {
        channel = newChannel;
        key = newKey;
        newKey.attach(this);
        input.clear();
        output.clear();
        hungUp = false;
        readable = true;
        line(ControlWords.GREETING);
    }

    boolean inUse() {
        return channel != null;
    }

    /** The selector says that bytes came or can go. */
    void ready() {
        readable = true;
    }

    /** Does all that can be done now. */
    void advance() throws IOException {
        SocketChannel present = channel;
        if (present == null) {
            return;
        }
        boolean moved = true;
        while (moved) {
            moved = false;
            if (readable && input.hasRemaining() && !hungUp) {
                int count = present.read(input);
                hungUp = count < 0;
                readable = count > 0;
                moved = count > 0;
            }
            while (output.remaining() >= ANSWER_ROOM_BYTES && takeRequest()) {
                moved = true;
            }
            tellChanges();
            if (output.position() > 0) {
                output.flip();
                moved |= present.write(output) > 0;
                output.compact();
            }
        }
        if (hungUp && output.position() == 0) {
            end();
            return;
        }
        SelectionKey interest = key;
        if (interest != null && interest.isValid()) {
            int wanted = !hungUp && input.hasRemaining() && output.remaining() >= ANSWER_ROOM_BYTES
                    ? SelectionKey.OP_READ
                    : 0;
            interest.interestOps(output.position() > 0 ? wanted | SelectionKey.OP_WRITE : wanted);
        }
    }

    private void tellChanges() {
        for (int i = 0; i < watches.size(); i++) {
            Watch watch = watches.get(i);
            long events = watch.events.get();
            if (events != watch.told && output.remaining() >= watch.path.length + 40) {
                words(ControlWords.CHANGED);
                words(" ");
                words(Long.toString(events - watch.told));
                words(" ");
                output.put(watch.path).put((byte) '\n');
                watch.told = events;
            }
        }
    }

    /** Carries out the oldest request if it is there whole. */
    private boolean takeRequest() {
        int end = -1;
        for (int i = 0; i < input.position() && end < 0; i++) {
            if (input.get(i) == '\n') {
                end = i;
            }
        }
        if (end < 0) {
            if (input.position() > ControlWords.LINE_LIMIT_BYTES) {
                hangUp("a line is at most " + ControlWords.LINE_LIMIT_BYTES + " bytes.");
            }
            return false;
        }
        String line = new String(input.array(), 0, end, UTF_8);
        int blank = line.indexOf(' ');
        String verb = blank < 0 ? line : line.substring(0, blank);
        String rest = blank < 0 ? "" : line.substring(blank + 1);
        int valueLength = 0;
        if (verb.equals(ControlWords.WRITE)) {
            int second = rest.indexOf(' ');
            valueLength = lengthOf(second < 0 ? rest : rest.substring(0, second));
            rest = second < 0 ? "" : rest.substring(second + 1);
            if (valueLength < 0) {
                hangUp("a value that is written has between 0 and " + ControlWords.WRITE_LIMIT_BYTES + " bytes.");
                return false;
            }
            if (input.position() < end + 1 + valueLength) {
                return false;
            }
        }
        perform(verb, rest, end + 1, valueLength);
        input.flip().position(end + 1 + valueLength);
        input.compact();
        return true;
    }

    /** The length that a client states, or -1. */
    private static int lengthOf(String text) {
        try {
            int length = Integer.parseInt(text);
            return length <= ControlWords.WRITE_LIMIT_BYTES ? length : -1;
        } catch (NumberFormatException notOne) {
            return -1;
        }
    }

    /** What follows cannot be understood: says so and listens no longer. */
    private void hangUp(String sentence) {
        no(Errno.EINVAL, sentence);
        input.clear();
        hungUp = true;
    }

    private void perform(String verb, String path, int valueAt, int valueLength) {
        try {
            switch (verb) {
                case ControlWords.READ -> read(path);
                case ControlWords.WRITE -> write(path, valueAt, valueLength);
                case ControlWords.LIST -> list(path);
                case ControlWords.READLINK ->
                    ok(ByteBuffer.wrap(root.link(path).readlink().getBytes(UTF_8)));
                case ControlWords.WATCH -> watch(path);
                default -> no(Errno.EOPNOTSUPP, "'" + verb + "' is not a word of " + ControlWords.GREETING + ".");
            }
        } catch (NodeRefused refused) {
            no(refused.errno(), String.valueOf(refused.getMessage()));
        }
    }

    private void read(String path) throws NodeRefused {
        try (OpenFile file = root.attribute(path).open(Access.READ)) {
            value.clear();
            if (file.read(0, value) == OpenFile.REFUSED) {
                no(path, file.refusal());
            } else {
                ok(value.flip());
            }
        }
    }

    private void write(String path, int at, int length) throws NodeRefused {
        KernfsAttribute attribute = root.attribute(path);
        if (length > attribute.capacityBytes()) {
            no(Errno.E2BIG, "'" + path + "' takes at most " + attribute.capacityBytes() + " bytes.");
            return;
        }
        try (OpenFile file = attribute.open(Access.WRITE)) {
            if (file.write(ByteBuffer.wrap(input.array(), at, length)) == OpenFile.REFUSED) {
                no(path, file.refusal());
            } else {
                ok(ByteBuffer.allocate(0));
            }
        }
    }

    private void list(String path) throws NodeRefused {
        if (!(root.find(path) instanceof KernfsDirectory directory)) {
            no(Errno.ENOTDIR, "'" + path + "' is not a directory.");
            return;
        }
        StringBuilder names = new StringBuilder();
        for (KernfsNode child : directory.children()) {
            names.append(child.name());
            switch (child) {
                case KernfsDirectory inner -> names.append('/');
                case KernfsLink link -> names.append('@');
                case KernfsAttribute attribute -> {}
            }
            names.append('\n');
        }
        byte[] bytes = names.toString().getBytes(UTF_8);
        if (bytes.length > ControlWords.READ_LIMIT_BYTES) {
            no(Errno.E2BIG, "'" + path + "' holds too much to be listed.");
        } else {
            ok(ByteBuffer.wrap(bytes));
        }
    }

    private void watch(String path) throws NodeRefused {
        if (watches.size() >= WATCHES_LIMIT) {
            no(Errno.ENOSPC, "one client watches at most " + WATCHES_LIMIT + " attributes.");
            return;
        }
        KernfsAttribute attribute = root.attribute(path);
        if (!server.takeWatch()) {
            no(Errno.ENOSPC, "all clients together watch as many attributes as they can.");
            return;
        }
        try {
            OpenFile file = attribute.open(Access.READ);
            Watch watch = new Watch(file, path);
            watches.add(watch);
            file.watch(watch);
        } catch (NodeRefused refused) {
            server.giveBackWatches(1);
            throw refused;
        }
        ok(ByteBuffer.allocate(0));
    }

    private void ok(ByteBuffer content) {
        line(ControlWords.OK + ' ' + content.remaining());
        output.put(content);
    }

    private void no(String path, Outcome refusal) {
        no(refusal.errno(), "'" + path + "': " + refusal.because() + ".");
    }

    private void no(Errno errno, String sentence) {
        String text = sentence.replace('\n', ' ');
        line(ControlWords.NO
                + ' '
                + errno
                + ' '
                + text.substring(0, Math.min(text.length(), ControlWords.LINE_LIMIT_BYTES)));
    }

    private void line(String text) {
        words(text);
        output.put((byte) '\n');
    }

    private void words(String text) {
        output.put(text.getBytes(UTF_8));
    }

    /** Forgets the client. */
    void end() {
        for (Watch watch : watches) {
            watch.file.close();
        }
        server.giveBackWatches(watches.size());
        watches.clear();
        SocketChannel present = channel;
        channel = null;
        key = null;
        if (present != null) {
            try {
                present.close();
            } catch (IOException alreadyGone) {
                return;
            }
        }
    }
}

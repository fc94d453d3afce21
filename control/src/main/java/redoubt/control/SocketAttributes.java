package redoubt.control;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.IOException;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.SocketChannel;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicBoolean;
import redoubt.kernfs.Errno;

/** {@link Attributes} over the control socket. Each answer is waited for at most the limit given. */
public final class SocketAttributes implements Attributes {

    private final SocketChannel channel;
    private final Selector selector;
    private final Path socket;
    private final long limitNanos;
    private final ByteBuffer input = ByteBuffer.allocate(ControlWords.READ_LIMIT_BYTES + (8 << 10));
    private final ArrayDeque<Change> changes = new ArrayDeque<>();
    private final AtomicBoolean woken = new AtomicBoolean();

    private SocketAttributes(SocketChannel channel, Selector selector, Path socket, long limitNanos) {
        this.channel = channel;
        this.selector = selector;
        this.socket = socket;
        this.limitNanos = limitNanos;
    }

    /**
     * Connects.
     *
     * @param limitNanos how long an answer may take
     * @throws IOException if nobody answers there, or in another language
     */
    public static SocketAttributes connect(Path socket, long limitNanos) throws IOException {
        SocketChannel channel = SocketChannel.open(UnixDomainSocketAddress.of(socket));
        try {
            channel.configureBlocking(false);
            Selector selector = Selector.open();
            channel.register(selector, SelectionKey.OP_READ);
            SocketAttributes attributes = new SocketAttributes(channel, selector, socket, limitNanos);
            String greeting = attributes.line(System.nanoTime() + limitNanos);
            if (!greeting.equals(ControlWords.GREETING)) {
                attributes.close();
                throw new IOException(
                        "'" + socket + "' speaks '" + greeting + "' and not '" + ControlWords.GREETING + "'.");
            }
            return attributes;
        } catch (IOException refused) {
            channel.close();
            throw refused;
        }
    }

    @Override
    public String read(String path) throws IOException, AttributeRefused {
        return ask(ControlWords.READ + ' ' + path, "");
    }

    @Override
    public void write(String path, String value) throws IOException, AttributeRefused {
        ask(ControlWords.WRITE + ' ' + value.getBytes(UTF_8).length + ' ' + path, value);
    }

    @Override
    public List<Entry> list(String path) throws IOException, AttributeRefused {
        List<Entry> entries = new ArrayList<>();
        for (String name : ask(ControlWords.LIST + ' ' + path, "").lines().toList()) {
            Kind kind = name.endsWith("/") ? Kind.DIRECTORY : name.endsWith("@") ? Kind.LINK : Kind.ATTRIBUTE;
            entries.add(new Entry(kind == Kind.ATTRIBUTE ? name : name.substring(0, name.length() - 1), kind));
        }
        return entries;
    }

    @Override
    public String readlink(String path) throws IOException, AttributeRefused {
        return ask(ControlWords.READLINK + ' ' + path, "");
    }

    @Override
    public void watch(String path) throws IOException, AttributeRefused {
        ask(ControlWords.WATCH + ' ' + path, "");
    }

    @Override
    public Optional<Change> awaitChange(long waitNanos) throws IOException {
        long deadline = System.nanoTime() + waitNanos;
        while (changes.isEmpty()) {
            int end = lineEnd();
            if (end >= 0) {
                noteChange(takeLine(end));
            } else if (woken.getAndSet(false) || !receive(deadline, true)) {
                return Optional.empty();
            }
        }
        return Optional.of(changes.remove());
    }

    @Override
    public void wake() {
        woken.set(true);
        if (selector.isOpen()) {
            selector.wakeup();
        }
    }

    private String ask(String request, String value) throws IOException, AttributeRefused {
        if (request.indexOf('\n') >= 0) {
            throw new AttributeRefused(Errno.EINVAL, "a path does not go over lines.");
        }
        long deadline = System.nanoTime() + limitNanos;
        send(ByteBuffer.wrap((request + '\n' + value).getBytes(UTF_8)), deadline);
        while (true) {
            String line = line(deadline);
            String[] words = line.split(" ", 3);
            if (words[0].equals(ControlWords.CHANGED)) {
                noteChange(line);
            } else if (words[0].equals(ControlWords.OK) && words.length == 2) {
                return new String(bytes(number(words[1]), deadline), UTF_8);
            } else if (words[0].equals(ControlWords.NO) && words.length == 3) {
                throw new AttributeRefused(errno(words[1]), words[2]);
            } else {
                throw new IOException("'" + socket + "' answers '" + line + "', which means nothing here.");
            }
        }
    }

    private void noteChange(String line) throws IOException {
        String[] words = line.split(" ", 3);
        if (words.length != 3 || !words[0].equals(ControlWords.CHANGED)) {
            throw new IOException("'" + socket + "' says '" + line + "' unasked.");
        }
        changes.add(new Change(words[2], number(words[1])));
    }

    private static int number(String word) throws IOException {
        try {
            return Integer.parseInt(word);
        } catch (NumberFormatException notOne) {
            throw new IOException("'" + word + "' is not a number.", notOne);
        }
    }

    private static Errno errno(String word) {
        for (Errno errno : Errno.values()) {
            if (errno.name().equals(word)) {
                return errno;
            }
        }
        return Errno.EIO;
    }

    private void send(ByteBuffer bytes, long deadline) throws IOException {
        SelectionKey key = channel.keyFor(selector);
        while (bytes.hasRemaining()) {
            if (channel.write(bytes) == 0) {
                key.interestOps(SelectionKey.OP_WRITE);
                select(deadline);
                key.interestOps(SelectionKey.OP_READ);
            }
        }
    }

    private String line(long deadline) throws IOException {
        int end = lineEnd();
        while (end < 0) {
            receiveOrFail(deadline);
            end = lineEnd();
        }
        return takeLine(end);
    }

    private int lineEnd() {
        for (int i = 0; i < input.position(); i++) {
            if (input.get(i) == '\n') {
                return i;
            }
        }
        return -1;
    }

    private String takeLine(int end) {
        String line = new String(input.array(), 0, end, UTF_8);
        input.flip().position(end + 1);
        input.compact();
        return line;
    }

    private byte[] bytes(int count, long deadline) throws IOException {
        if (count < 0 || count > ControlWords.READ_LIMIT_BYTES) {
            throw new IOException("'" + socket + "' sends a value of " + count + " bytes.");
        }
        while (input.position() < count) {
            receiveOrFail(deadline);
        }
        byte[] value = new byte[count];
        input.flip().get(value);
        input.compact();
        return value;
    }

    private void receiveOrFail(long deadline) throws IOException {
        if (!receive(deadline, false)) {
            throw new IOException("'" + socket + "' does not answer.");
        }
    }

    /** Waits for bytes; false when the deadline passed, or the wait was ended. */
    private boolean receive(long deadline, boolean untilWoken) throws IOException {
        if (!input.hasRemaining()) {
            throw new IOException("'" + socket + "' sends a line without an end.");
        }
        while (true) {
            int count = channel.read(input);
            if (count < 0) {
                throw new java.io.EOFException("'" + socket + "' has hung up.");
            }
            if (count > 0) {
                return true;
            }
            if (!select(deadline) || (untilWoken && woken.getAndSet(false))) {
                return false;
            }
        }
    }

    private boolean select(long deadline) throws IOException {
        long left = (deadline - System.nanoTime() + 999_999) / 1_000_000;
        if (left <= 0) {
            return false;
        }
        selector.select(left);
        selector.selectedKeys().clear();
        return true;
    }

    @Override
    public void close() {
        try {
            selector.close();
            channel.close();
        } catch (IOException alreadyGone) {
            return;
        }
    }
}

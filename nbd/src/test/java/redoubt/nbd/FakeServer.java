package redoubt.nbd;

import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import redoubt.base.Threads;

/**
 * A server that agrees on an export as a good one does, and then says exactly what a test wants it to say. Each connection plays the next
 * part, the last part as often as somebody connects. A part that returns ends its connection.
 *
 * <p>A client first reads the ends of the export, by which it knows it again. That is answered as a good server does, before the part begins,
 * but in a {@link Scene} that begins at once.
 */
final class FakeServer implements AutoCloseable {

    /** What is offered in the handshake. */
    record Offer(long size, int flags, boolean structured, int maximumBytes) {
        static final int USUAL = Wire.FLAG_HAS_FLAGS | Wire.FLAG_SEND_FLUSH | Wire.FLAG_SEND_FUA;
        static final Offer STRUCTURED = new Offer(1 << 20, USUAL, true, 1 << 20);
        static final Offer SIMPLE = new Offer(1 << 20, USUAL, false, 1 << 20);

        Offer withSize(long changed) {
            return new Offer(changed, flags, structured, maximumBytes);
        }

        Offer withFlags(int changed) {
            return new Offer(size, changed, structured, maximumBytes);
        }

        Offer withMaximumBytes(int changed) {
            return new Offer(size, flags, structured, changed);
        }
    }

    /** What is done with one connection in transmission. */
    interface Part {
        void play(Talk talk) throws IOException;
    }

    /** What one connection meets. */
    record Scene(Offer offer, boolean beginsAtOnce, Part part) {}

    /** A request as it came. */
    record Request(int flags, int type, long cookie, long offset, int length) {}

    static final class Talk {
        final SocketChannel channel;
        final byte[] disk;

        Talk(SocketChannel channel, byte[] disk) {
            this.channel = channel;
            this.disk = disk;
        }

        ByteBuffer receive(int bytes) throws IOException {
            ByteBuffer into = ByteBuffer.allocate(bytes);
            while (into.hasRemaining()) {
                if (channel.read(into) < 0) {
                    throw new IOException("the client has left");
                }
            }
            return into.flip();
        }

        void send(ByteBuffer bytes) throws IOException {
            while (bytes.hasRemaining()) {
                channel.write(bytes);
            }
        }

        /** The next request's header; the payload of a WRITE is left on the wire. */
        Request request() throws IOException {
            ByteBuffer header = receive(28);
            if (header.getInt() != Wire.REQUEST_MAGIC) {
                throw new AssertionError("the client's request has no magic");
            }
            return new Request(
                    header.getShort(), header.getShort(), header.getLong(), header.getLong(), header.getInt());
        }

        void simple(long cookie, int error) throws IOException {
            send(ByteBuffer.allocate(16)
                    .putInt(Wire.SIMPLE_REPLY_MAGIC)
                    .putInt(error)
                    .putLong(cookie)
                    .flip());
        }

        /** A chunk's header, and what follows it, which need not be as long as the header says. */
        void chunk(int flags, int type, long cookie, int length, ByteBuffer body) throws IOException {
            send(ByteBuffer.allocate(20 + body.remaining())
                    .putInt(Wire.CHUNK_MAGIC)
                    .putShort((short) flags)
                    .putShort((short) type)
                    .putLong(cookie)
                    .putInt(length)
                    .put(body)
                    .flip());
        }

        void data(int flags, long cookie, long offset, int length) throws IOException {
            ByteBuffer body = ByteBuffer.allocate(8 + length).putLong(offset);
            // A liar's place need not be one.
            boolean there = offset >= 0 && offset <= disk.length - length;
            body.put(there ? disk : content(offset, length), there ? (int) offset : 0, length);
            chunk(flags, Wire.CHUNK_OFFSET_DATA, cookie, 8 + length, body.flip());
        }

        void hole(int flags, long cookie, long offset, int length) throws IOException {
            chunk(
                    flags,
                    Wire.CHUNK_OFFSET_HOLE,
                    cookie,
                    12,
                    ByteBuffer.allocate(12).putLong(offset).putInt(length).flip());
        }

        /** Answers the questions by which a client knows the export again. */
        void answerLandmarks(boolean structured) throws IOException {
            for (int i = 0; i < Landmarks.COUNT; i++) {
                answer(request(), structured);
            }
        }

        /** Answers whatever comes as a good server does, until the client leaves. */
        void behave(boolean structured) throws IOException {
            while (true) {
                Request request = request();
                if (request.type == Wire.CMD_DISC) {
                    return;
                }
                answer(request, structured);
            }
        }

        /** Answers as a good server does. */
        void answer(Request request, boolean structured) throws IOException {
            if (request.type == Wire.CMD_WRITE) {
                receive(request.length).get(disk, (int) request.offset, request.length);
            } else if (request.type == Wire.CMD_WRITE_ZEROES) {
                Arrays.fill(disk, (int) request.offset, (int) request.offset + request.length, (byte) 0);
            }
            if (request.type == Wire.CMD_READ && structured) {
                data(Wire.CHUNK_FLAG_DONE, request.cookie, request.offset, request.length);
            } else {
                simple(request.cookie, 0);
                if (request.type == Wire.CMD_READ) {
                    send(ByteBuffer.wrap(disk, (int) request.offset, request.length));
                }
            }
        }
    }

    /** What the export holds at a place before anybody writes. */
    static byte contentAt(long offset) {
        return (byte) (offset * 31 + (offset >> 9));
    }

    static byte[] content(long offset, int length) {
        byte[] bytes = new byte[length];
        for (int i = 0; i < length; i++) {
            bytes[i] = contentAt(offset + i);
        }
        return bytes;
    }

    private static final int DISK_BYTES = 1 << 20;

    private final ServerSocketChannel socket;
    private final Scene[] parts;
    private final byte[] disk = content(0, DISK_BYTES);
    private final Thread thread;
    private final AtomicInteger connections = new AtomicInteger();
    private final AtomicReference<Throwable> wrong = new AtomicReference<>();

    private FakeServer(Path place, Scene... parts) throws IOException {
        this.socket = ServerSocketChannel.open(StandardProtocolFamily.UNIX);
        this.parts = parts;
        socket.bind(UnixDomainSocketAddress.of(place));
        thread = Threads.start("fake-server", this::serve);
    }

    /** Plays these parts, one for each connection. */
    static FakeServer playing(Path place, Offer offer, Part... parts) throws IOException {
        Scene[] all = new Scene[parts.length];
        for (int i = 0; i < parts.length; i++) {
            all[i] = new Scene(offer, false, parts[i]);
        }
        return new FakeServer(place, all);
    }

    /** Offers something else from the second connection on. */
    static FakeServer changing(Path place, Offer first, Part part, Offer later, Part laterPart) throws IOException {
        return new FakeServer(place, new Scene(first, false, part), new Scene(later, false, laterPart));
    }

    /** Plays these scenes, one for each connection. */
    static FakeServer playing(Path place, Scene... scenes) throws IOException {
        return new FakeServer(place, scenes);
    }

    /** What the export holds now: who changes it makes it another export. */
    byte[] disk() {
        return disk;
    }

    int connections() {
        return connections.get();
    }

    private void serve() {
        while (socket.isOpen()) {
            try (SocketChannel channel = socket.accept()) {
                Scene now = parts[Math.min(connections.getAndIncrement(), parts.length - 1)];
                Talk talk = new Talk(channel, disk);
                agree(talk, now.offer);
                if (!now.beginsAtOnce) {
                    talk.answerLandmarks(now.offer.structured);
                }
                now.part.play(talk);
            } catch (IOException clientLeft) {
                if (!socket.isOpen()) {
                    return;
                }
            } catch (RuntimeException | AssertionError mistake) {
                wrong.compareAndSet(null, mistake);
            }
        }
    }

    private static void agree(Talk talk, Offer offer) throws IOException {
        talk.send(ByteBuffer.allocate(18)
                .putLong(Wire.GREETING_MAGIC)
                .putLong(Wire.OPTION_MAGIC)
                .putShort((short) 3)
                .flip());
        talk.receive(4);
        while (true) {
            ByteBuffer header = talk.receive(16);
            int option = header.getInt(8);
            talk.receive(header.getInt(12));
            switch (option) {
                case Wire.OPT_STRUCTURED_REPLY ->
                    answer(talk, option, offer.structured ? Wire.REP_ACK : Wire.REP_ERR_UNSUP, ByteBuffer.allocate(0));
                case Wire.OPT_SET_META_CONTEXT -> {
                    ByteBuffer context = ByteBuffer.allocate(19)
                            .putInt(7)
                            .put("base:allocation".getBytes(java.nio.charset.StandardCharsets.UTF_8));
                    answer(talk, option, Wire.REP_META_CONTEXT, context.flip());
                    answer(talk, option, Wire.REP_ACK, ByteBuffer.allocate(0));
                }
                case Wire.OPT_GO -> {
                    ByteBuffer export = ByteBuffer.allocate(12).putShort((short) Wire.INFO_EXPORT);
                    answer(
                            talk,
                            option,
                            Wire.REP_INFO,
                            export.putLong(offer.size)
                                    .putShort((short) offer.flags)
                                    .flip());
                    ByteBuffer blocks = ByteBuffer.allocate(14).putShort((short) Wire.INFO_BLOCK_SIZE);
                    answer(
                            talk,
                            option,
                            Wire.REP_INFO,
                            blocks.putInt(512)
                                    .putInt(4096)
                                    .putInt(offer.maximumBytes)
                                    .flip());
                    answer(talk, option, Wire.REP_ACK, ByteBuffer.allocate(0));
                    return;
                }
                default -> answer(talk, option, Wire.REP_ERR_UNSUP, ByteBuffer.allocate(0));
            }
        }
    }

    private static void answer(Talk talk, int option, int type, ByteBuffer data) throws IOException {
        talk.send(ByteBuffer.allocate(20 + data.remaining())
                .putLong(Wire.OPTION_REPLY_MAGIC)
                .putInt(option)
                .putInt(type)
                .putInt(data.remaining())
                .put(data)
                .flip());
    }

    @Override
    public void close() throws IOException {
        socket.close();
        // Whoever is in the middle of a part notices when its client leaves.
        Await.that("the fake server has ended", () -> !thread.isAlive());
        Throwable mistake = wrong.get();
        if (mistake != null) {
            throw new AssertionError(mistake);
        }
    }
}

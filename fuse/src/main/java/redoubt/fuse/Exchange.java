package redoubt.fuse;

import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.CharsetDecoder;
import java.nio.charset.StandardCharsets;
import org.jspecify.annotations.Nullable;
import redoubt.base.Bug;
import redoubt.block.IoBuffer;
import redoubt.block.IoMemory;

/**
 * The place of one request and its answer: memory that was there before, and what was decoded of it. A request's payload lies at a page's
 * beginning, so that members can take it from there:
 *
 * <pre>
 *    0: iovecs, where an answer's data lies elsewhere
 * 4016: the request's header (40), then its body; a WRITE's body is 40 bytes long and ends where the page does
 * 4080: the answer's header (16); a READ of a part of a block has it right before the data instead
 * 4096: the payload of a WRITE; the data of a READ; the body of any other answer
 * </pre>
 *
 * <p>An answer is written where the request lay: what is needed of it is read before. Belongs to the thread that received the request until
 * that gives it to a device, and then to whoever brings it back.
 */
final class Exchange {

    private static final Bug NO_MEMORY = Bug.of("an exchange without memory was used");

    static final int PAYLOAD_AT = IoMemory.ALIGNMENT_BYTES;
    private static final int REQUEST_AT = PAYLOAD_AT - Wire.WRITE_IN_BYTES - Wire.IN_HEADER_BYTES;
    private static final int BODY_AT = REQUEST_AT + Wire.IN_HEADER_BYTES;
    private static final int EXTENSION_UNIT_BYTES = Long.BYTES;

    final int index;
    private final FuseChannel channel;
    private final IoMemory memory;
    private final ByteBuffer view;
    private final CharsetDecoder decoder = StandardCharsets.UTF_8.newDecoder();
    private @Nullable IoBuffer buffer;
    private int base;
    private long address;
    private int capacity;

    private int bodyBytes;
    private int opcodeNumber;
    private long unique;
    private long node;
    private int asker;
    private boolean answered;

    /** What the connection that lends it out remembers: a request of the pool is set aside for it. */
    boolean requestReserved;

    /** What the volumes remember of a request that is with a device: where in the data the answer begins, and how long it is. */
    int skipBytes;

    int answerBytes;

    /** A place with a buffer of this many bytes. */
    Exchange(FuseChannel channel, IoMemory memory, int index) {
        this.channel = channel;
        this.memory = memory;
        this.index = index;
        this.view = memory.newView();
        refill();
    }

    /** Takes a buffer if it has none; answers whether it has one. */
    boolean refill() {
        if (buffer == null) {
            IoBuffer fresh = memory.take(memory.largestBytes());
            if (fresh == null) {
                return false;
            }
            buffer = fresh;
            base = fresh.position();
            address = fresh.address();
            capacity = fresh.capacity();
        }
        return true;
    }

    /** A call that hangs still has the buffer: leaves it to that one. */
    void leaveBufferIfShared() {
        IoBuffer present = buffer();
        if (present.shared()) {
            buffer = null;
            present.release();
        }
    }

    /** Gives the buffer up. */
    void close() {
        IoBuffer present = buffer;
        if (present != null) {
            buffer = null;
            present.release();
        }
    }

    IoBuffer buffer() {
        IoBuffer present = buffer;
        if (present == null) {
            throw NO_MEMORY;
        }
        return present;
    }

    /** Room for data and for bodies of answers. */
    int payloadCapacity() {
        return capacity - PAYLOAD_AT;
    }

    // ---------------------------------------------------------------------------------------------- the request

    /** Reads a request, if there is one. Answers false if there is none, or it is no request at all. */
    boolean receive() {
        long got = channel.receive(address + REQUEST_AT, capacity - REQUEST_AT);
        answered = false;
        view.clear();
        return got > 0 && decodeHeader((int) got);
    }

    private boolean decodeHeader(int got) {
        if (got < Wire.IN_HEADER_BYTES) {
            return false;
        }
        int header = base + REQUEST_AT;
        long said = view.getInt(header) & 0xFFFFFFFFL;
        int extensions = (view.getShort(header + Wire.IN_EXTENSIONS) & 0xFFFF) * EXTENSION_UNIT_BYTES;
        if (said != got || extensions > got - Wire.IN_HEADER_BYTES) {
            return false;
        }
        opcodeNumber = view.getInt(header + Wire.IN_OPCODE);
        unique = view.getLong(header + Wire.IN_UNIQUE);
        node = view.getLong(header + Wire.IN_NODE);
        asker = view.getInt(header + Wire.IN_THREAD);
        bodyBytes = got - Wire.IN_HEADER_BYTES - extensions;
        return true;
    }

    /** What is asked, as a number. */
    int opcodeNumber() {
        return opcodeNumber;
    }

    /** What it is about. */
    long node() {
        return node;
    }

    /** The thread that asks, by its number; 0 if it is none of this process's namespace. */
    int asker() {
        return asker;
    }

    /** Bytes behind the header. */
    int bodyBytes() {
        return bodyBytes;
    }

    /** A number of the body; whoever asks has checked that the body is that long. */
    int intAt(int at) {
        if (at < 0 || at > bodyBytes - Integer.BYTES) {
            throw new IndexOutOfBoundsException("a request's body ends before " + at);
        }
        return view.getInt(base + BODY_AT + at);
    }

    /** A number of the body. */
    long longAt(int at) {
        if (at < 0 || at > bodyBytes - Long.BYTES) {
            throw new IndexOutOfBoundsException("a request's body ends before " + at);
        }
        return view.getLong(base + BODY_AT + at);
    }

    /** The body as a name that ends with a zero; null if there is none, or it is no text. Allocates. */
    @Nullable
    String name() {
        int end = 0;
        while (end < bodyBytes && view.get(base + BODY_AT + end) != 0) {
            end++;
        }
        if (end == 0 || end == bodyBytes || end > Wire.NAME_LIMIT_BYTES) {
            return null;
        }
        try {
            return decoder.decode(view.slice(base + BODY_AT, end)).toString();
        } catch (CharacterCodingException noText) {
            return null;
        }
    }

    /** The bytes behind a WRITE's fixed body, to be read. */
    ByteBuffer written(int length) {
        view.limit(base + PAYLOAD_AT + length).position(base + PAYLOAD_AT);
        return view;
    }

    // ---------------------------------------------------------------------------------------------- the answer

    /** Whether it was answered. */
    boolean answered() {
        return answered;
    }

    /** Room for an answer's body of up to so many bytes, from the position on; {@link #answerWritten} sends what was put there. */
    ByteBuffer answerRoom(int limit) {
        int room = Math.clamp(limit, 0, payloadCapacity());
        view.limit(base + PAYLOAD_AT + room).position(base + PAYLOAD_AT);
        return view;
    }

    /** Sends what stands between the payload's beginning and the position. */
    boolean answerWritten() {
        return answer(view.position() - base - PAYLOAD_AT);
    }

    /** Clears a body of this length, to be filled with {@link #put}. */
    void begin(int length) {
        clear(0, length);
    }

    /** Clears a part of the answer's body; both numbers are multiples of 8. */
    void clear(int from, int length) {
        view.clear();
        for (int at = from; at < from + length; at += Long.BYTES) {
            view.putLong(base + PAYLOAD_AT + at, 0);
        }
    }

    /** What was put into the answer's body. */
    int answerInt(int at) {
        return view.getInt(base + PAYLOAD_AT + at);
    }

    /** What was put into the answer's body. */
    long answerLong(int at) {
        return view.getLong(base + PAYLOAD_AT + at);
    }

    /** Puts a number into the answer's body. */
    void put(int at, int value) {
        view.putInt(base + PAYLOAD_AT + at, value);
    }

    /** Puts a number into the answer's body. */
    void put(int at, short value) {
        view.putShort(base + PAYLOAD_AT + at, value);
    }

    /** Puts a number into the answer's body. */
    void put(int at, long value) {
        view.putLong(base + PAYLOAD_AT + at, value);
    }

    /** Puts text into the answer's body. */
    void put(int at, byte[] text) {
        view.put(base + PAYLOAD_AT + at, text);
    }

    /** Answers with a body of this length, which was put there. False if nobody waits for it any more. */
    boolean answer(int length) {
        return send(PAYLOAD_AT, 0, length);
    }

    /** Answers with data that lies this far behind the payload's beginning. */
    boolean answerData(int skip, int length) {
        return send(PAYLOAD_AT + skip, 0, length);
    }

    /** Answers that it was done. */
    boolean done() {
        return send(PAYLOAD_AT, 0, 0);
    }

    /** Answers that it was not, and why. */
    boolean refuse(int errno) {
        return send(PAYLOAD_AT, -errno, 0);
    }

    private boolean send(int dataAt, int error, int length) {
        answered = true;
        view.clear();
        int at = dataAt - Wire.OUT_HEADER_BYTES;
        int total = Wire.OUT_HEADER_BYTES + length;
        header(at, error, total);
        return channel.send(address + at, total);
    }

    private void header(int at, int error, int total) {
        view.putInt(base + at, total);
        view.putInt(base + at + 4, error);
        view.putLong(base + at + 8, unique);
    }

    /** Answers with data that lies in other memory. */
    boolean answerFrom(long dataAddress, int length) {
        answered = true;
        view.clear();
        int at = PAYLOAD_AT - Wire.OUT_HEADER_BYTES;
        header(at, 0, Wire.OUT_HEADER_BYTES + length);
        view.putLong(base, address + at);
        view.putLong(base + Long.BYTES, Wire.OUT_HEADER_BYTES);
        view.putLong(base + Linux.IOVEC_BYTES, dataAddress);
        view.putLong(base + Linux.IOVEC_BYTES + Long.BYTES, length);
        return channel.gather(address, length == 0 ? 1 : 2);
    }
}

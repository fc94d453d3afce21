package redoubt.nbd;

import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * What is said between one client and the server before transmission: fixed newstyle negotiation as a machine that bytes go into
 * and bytes come out of. It opens nothing, waits for nothing and knows no socket, so a fuzzer can drive it.
 *
 * <p>The client is not trusted. What it states is checked before it is used: lengths are unsigned and compared in 64 bits; data of
 * an option is held only up to {@link #INPUT_LIMIT_BYTES}, more is skipped and answered "too big"; there are at most
 * {@link #OPTIONS_LIMIT} options with together {@link #TOTAL_LIMIT_BYTES} bytes. When the client does not read its answers, no further
 * option is looked at: the answers never take more than {@link #OUTPUT_LIMIT_BYTES}.
 *
 * <p>Used by one thread, the {@link Door}'s.
 */
final class Handshake {

    /** Longest option held, with its header. */
    static final int INPUT_LIMIT_BYTES = 8 << 10;

    /** Most answers held; the longest single one, with room for what follows it, is about 5.5 KiB. */
    static final int OUTPUT_LIMIT_BYTES = 8 << 10;

    static final int OPTIONS_LIMIT = 1024;
    static final int TOTAL_LIMIT_BYTES = 256 << 10;

    private static final int ANSWER_ROOM_BYTES = 6 << 10;
    private static final int START_BYTES = 256;
    private static final String ALLOCATION_CONTEXT = "base:allocation";
    private static final int ALLOCATION_CONTEXT_ID = 1;

    /** Whether there is a place for one more client in transmission; a place that was granted is taken. */
    @FunctionalInterface
    interface Admission {
        boolean admit();
    }

    /** Where the conversation is. */
    enum Stage {
        CLIENT_FLAGS,
        OPTIONS,
        /** The answers to LIST do not all fit at once. */
        LISTING,
        /** The rest of an option that is not looked at is thrown away. */
        SKIPPING,
        /** Agreed: what the client sends next is a request. */
        TRANSMISSION,
        /** Nothing more is read; the connection ends when the output is sent. */
        ENDED
    }

    private final NbdExports exports;
    private final Admission admission;

    private ByteBuffer input = ByteBuffer.allocate(START_BYTES);
    private ByteBuffer output = ByteBuffer.allocate(START_BYTES);
    private Stage stage = Stage.CLIENT_FLAGS;
    private boolean noZeroes;
    private boolean shuttingDown;
    private int options;
    private long totalBytes;
    private long skipBytes;
    private Export[] listed = {};
    private int listedUpTo;

    private boolean structured;
    private @Nullable Export contextOf;
    private @Nullable Export chosen;

    Handshake(NbdExports exports, Admission admission) {
        this.exports = exports;
        this.admission = admission;
        output.putLong(Wire.GREETING_MAGIC).putLong(Wire.OPTION_MAGIC).putShort((short)
                (Wire.HANDSHAKE_FIXED_NEWSTYLE | Wire.HANDSHAKE_NO_ZEROES));
    }

    Stage stage() {
        return stage;
    }

    /** Where to put what the client sent; has room whenever {@link #wantsInput}. Call {@link #advance} after. */
    ByteBuffer input() {
        return input;
    }

    /** Whether bytes of the client are of use now: not while its answers wait to be taken. */
    boolean wantsInput() {
        return stage != Stage.TRANSMISSION && stage != Stage.ENDED && stage != Stage.LISTING && input.hasRemaining();
    }

    /** What waits to be sent, in filling mode: the taker flips it, takes what it can, compacts it, and calls {@link #advance}. */
    ByteBuffer output() {
        return output;
    }

    /** From now on options are answered "shutting down". */
    void shutDown() {
        shuttingDown = true;
    }

    /** The export that was agreed on, in stage TRANSMISSION. */
    Export chosen() {
        Export agreed = chosen;
        if (agreed == null) {
            throw new IllegalStateException("no export was agreed on");
        }
        return agreed;
    }

    boolean structured() {
        return structured;
    }

    /** The id under which the client asked for base:allocation of the chosen export, or 0. */
    int allocationContext() {
        return structured && contextOf != null && contextOf == chosen ? ALLOCATION_CONTEXT_ID : 0;
    }

    /** What came behind the last option: the first requests. */
    ByteBuffer leftOver() {
        return input.flip();
    }

    /** Looks at what came, as far as it goes. */
    void advance() {
        input.flip();
        boolean more = true;
        while (more) {
            more = switch (stage) {
                case CLIENT_FLAGS -> clientFlags();
                case OPTIONS -> option();
                case LISTING -> list();
                case SKIPPING -> skip();
                case TRANSMISSION, ENDED -> false;
            };
        }
        input.compact();
        if (stage == Stage.OPTIONS) {
            makeRoomForOption();
        }
    }

    /** An option of which the header is there, but not all of the data, needs an input that it fits. */
    private void makeRoomForOption() {
        if (input.position() < Wire.OPTION_HEADER_BYTES) {
            return;
        }
        int needed = Wire.OPTION_HEADER_BYTES + (int) Math.min(INPUT_LIMIT_BYTES, input.getInt(12) & 0xFFFFFFFFL);
        if (needed > input.capacity()) {
            int capacity = Math.min(INPUT_LIMIT_BYTES, Integer.highestOneBit(needed - 1) << 1);
            input = ByteBuffer.allocate(capacity).put(input.flip());
        }
    }

    private boolean clientFlags() {
        if (input.remaining() < 4) {
            return false;
        }
        int flags = input.getInt();
        noZeroes = (flags & Wire.HANDSHAKE_NO_ZEROES) != 0;
        boolean known = (flags & ~(Wire.HANDSHAKE_FIXED_NEWSTYLE | Wire.HANDSHAKE_NO_ZEROES)) == 0;
        stage = known ? Stage.OPTIONS : Stage.ENDED;
        return true;
    }

    private boolean skip() {
        int now = (int) Math.min(skipBytes, input.remaining());
        input.position(input.position() + now);
        skipBytes -= now;
        if (skipBytes > 0) {
            return false;
        }
        stage = Stage.OPTIONS;
        return true;
    }

    private boolean option() {
        if (input.remaining() < Wire.OPTION_HEADER_BYTES
                || OUTPUT_LIMIT_BYTES - output.position() < ANSWER_ROOM_BYTES) {
            return false;
        }
        int at = input.position();
        if (input.getLong(at) != Wire.OPTION_MAGIC) {
            stage = Stage.ENDED;
            return true;
        }
        int option = input.getInt(at + 8);
        long length = input.getInt(at + 12) & 0xFFFFFFFFL;
        if (options + 1 > OPTIONS_LIMIT || totalBytes + Wire.OPTION_HEADER_BYTES + length > TOTAL_LIMIT_BYTES) {
            if (option != Wire.OPT_EXPORT_NAME) {
                refuse(option, Wire.REP_ERR_TOO_BIG, "more options, or longer ones, than anybody needs");
            }
            stage = Stage.ENDED;
            return true;
        }
        boolean held = length <= INPUT_LIMIT_BYTES - Wire.OPTION_HEADER_BYTES;
        if (held && input.remaining() < Wire.OPTION_HEADER_BYTES + length) {
            return false;
        }
        options++;
        totalBytes += Wire.OPTION_HEADER_BYTES + length;
        input.position(at + Wire.OPTION_HEADER_BYTES);
        if (!held) {
            tooLong(option);
            skipBytes = length;
            if (stage == Stage.OPTIONS) {
                stage = Stage.SKIPPING;
            }
            return true;
        }
        int end = input.position() + (int) length;
        int limit = input.limit();
        input.limit(end);
        answer(option);
        input.limit(limit).position(end);
        return true;
    }

    private void tooLong(int option) {
        switch (option) {
            case Wire.OPT_EXPORT_NAME -> stage = Stage.ENDED;
            case Wire.OPT_LIST, Wire.OPT_STARTTLS, Wire.OPT_STRUCTURED_REPLY ->
                refuse(option, Wire.REP_ERR_INVALID, "this option has no data");
            case Wire.OPT_INFO, Wire.OPT_GO, Wire.OPT_LIST_META_CONTEXT, Wire.OPT_SET_META_CONTEXT -> {
                if (option == Wire.OPT_SET_META_CONTEXT) {
                    contextOf = null;
                }
                refuse(option, Wire.REP_ERR_TOO_BIG, "the option is longer than 8 KiB");
            }
            case Wire.OPT_ABORT -> abort();
            default -> refuse(option, Wire.REP_ERR_UNSUP, "this server does not know the option");
        }
    }

    private void answer(int option) {
        if (shuttingDown && option != Wire.OPT_ABORT) {
            if (option == Wire.OPT_EXPORT_NAME) {
                stage = Stage.ENDED;
            } else {
                refuse(option, Wire.REP_ERR_SHUTDOWN, "the server is shutting down");
            }
            return;
        }
        switch (option) {
            case Wire.OPT_EXPORT_NAME -> exportName();
            case Wire.OPT_ABORT -> abort();
            case Wire.OPT_LIST -> startListing();
            case Wire.OPT_STARTTLS -> startTls();
            case Wire.OPT_INFO, Wire.OPT_GO -> infoOrGo(option);
            case Wire.OPT_STRUCTURED_REPLY -> structuredReply();
            case Wire.OPT_LIST_META_CONTEXT, Wire.OPT_SET_META_CONTEXT -> metaContext(option);
            default -> refuse(option, Wire.REP_ERR_UNSUP, "this server does not know the option");
        }
    }

    private void abort() {
        reply(Wire.OPT_ABORT, Wire.REP_ACK, 0);
        stage = Stage.ENDED;
    }

    /** The one option that cannot be refused in words. */
    private void exportName() {
        String name = string(input.remaining());
        Optional<Export> found = name == null ? Optional.empty() : exports.find(name);
        if (found.isEmpty() || !admission.admit()) {
            stage = Stage.ENDED;
            return;
        }
        Export export = found.get();
        ensureOutput(10 + 124);
        output.putLong(export.sizeBytes).putShort((short) export.flags(structured));
        if (!noZeroes) {
            output.put(new byte[124]);
        }
        chosen = export;
        stage = Stage.TRANSMISSION;
    }

    private void startListing() {
        if (input.hasRemaining()) {
            refuse(Wire.OPT_LIST, Wire.REP_ERR_INVALID, "this option has no data");
            return;
        }
        listed = exports.snapshot();
        listedUpTo = 0;
        stage = Stage.LISTING;
    }

    private boolean list() {
        while (listedUpTo < listed.length) {
            if (OUTPUT_LIMIT_BYTES - output.position() < ANSWER_ROOM_BYTES) {
                return false;
            }
            Export export = listed[listedUpTo++];
            reply(Wire.OPT_LIST, Wire.REP_SERVER, 4 + export.nameBytes.length + export.descriptionBytes.length);
            output.putInt(export.nameBytes.length).put(export.nameBytes).put(export.descriptionBytes);
        }
        reply(Wire.OPT_LIST, Wire.REP_ACK, 0);
        listed = new Export[0];
        stage = Stage.OPTIONS;
        return true;
    }

    private void startTls() {
        if (input.hasRemaining()) {
            refuse(Wire.OPT_STARTTLS, Wire.REP_ERR_INVALID, "this option has no data");
        } else {
            refuse(Wire.OPT_STARTTLS, Wire.REP_ERR_UNSUP, "this server does not do TLS yet; it listens locally only");
        }
    }

    private void structuredReply() {
        if (input.hasRemaining()) {
            refuse(Wire.OPT_STRUCTURED_REPLY, Wire.REP_ERR_INVALID, "this option has no data");
        } else if (structured) {
            refuse(Wire.OPT_STRUCTURED_REPLY, Wire.REP_ERR_INVALID, "structured replies were agreed on before");
        } else {
            structured = true;
            reply(Wire.OPT_STRUCTURED_REPLY, Wire.REP_ACK, 0);
        }
    }

    /** 0: name length (4), name, requests (2), 2 bytes each. */
    private void infoOrGo(int option) {
        if (input.remaining() < 6) {
            refuse(option, Wire.REP_ERR_INVALID, "the option is too short");
            return;
        }
        long nameLength = input.getInt() & 0xFFFFFFFFL;
        if (nameLength > input.remaining() - 2) {
            refuse(option, Wire.REP_ERR_INVALID, "the name is longer than the option");
            return;
        }
        String name = string((int) nameLength);
        int wishes = input.getShort() & 0xFFFF;
        if (input.remaining() != 2 * wishes) {
            refuse(option, Wire.REP_ERR_INVALID, "the number of information requests is not what is there");
            return;
        }
        if (name == null) {
            refuseName(option);
            return;
        }
        boolean wantsName = false;
        boolean wantsDescription = false;
        for (int i = 0; i < wishes; i++) {
            int wish = input.getShort() & 0xFFFF;
            wantsName |= wish == Wire.INFO_NAME;
            wantsDescription |= wish == Wire.INFO_DESCRIPTION;
        }
        Optional<Export> found = exports.find(name);
        if (found.isEmpty()) {
            refuse(option, Wire.REP_ERR_UNKNOWN, "there is no export of this name");
            return;
        }
        if (option == Wire.OPT_GO && !admission.admit()) {
            refuse(option, Wire.REP_ERR_POLICY, "all places for clients are taken; try again when one has left");
            return;
        }
        Export export = found.get();
        reply(option, Wire.REP_INFO, 12);
        output.putShort((short) Wire.INFO_EXPORT).putLong(export.sizeBytes).putShort((short) export.flags(structured));
        reply(option, Wire.REP_INFO, 14);
        output.putShort((short) Wire.INFO_BLOCK_SIZE)
                .putInt(export.blockBytes)
                .putInt(export.preferredBytes)
                .putInt(Wire.MAX_PAYLOAD_BYTES);
        if (wantsName) {
            reply(option, Wire.REP_INFO, 2 + export.nameBytes.length);
            output.putShort((short) Wire.INFO_NAME).put(export.nameBytes);
        }
        if (wantsDescription) {
            reply(option, Wire.REP_INFO, 2 + export.descriptionBytes.length);
            output.putShort((short) Wire.INFO_DESCRIPTION).put(export.descriptionBytes);
        }
        reply(option, Wire.REP_ACK, 0);
        if (option == Wire.OPT_GO) {
            chosen = export;
            stage = Stage.TRANSMISSION;
        }
    }

    /** 0: name length (4), name, queries (4), each: length (4), text. */
    private void metaContext(int option) {
        boolean set = option == Wire.OPT_SET_META_CONTEXT;
        if (set) {
            contextOf = null;
        }
        if (!structured) {
            refuse(option, Wire.REP_ERR_INVALID, "structured replies come first");
            return;
        }
        if (input.remaining() < 8) {
            refuse(option, Wire.REP_ERR_INVALID, "the option is too short");
            return;
        }
        long nameLength = input.getInt() & 0xFFFFFFFFL;
        if (nameLength > input.remaining() - 4) {
            refuse(option, Wire.REP_ERR_INVALID, "the name is longer than the option");
            return;
        }
        String name = string((int) nameLength);
        if (name == null) {
            refuseName(option);
            return;
        }
        Optional<Export> found = exports.find(name);
        long queries = input.getInt() & 0xFFFFFFFFL;
        if (queries > input.remaining() / 4) {
            refuse(option, Wire.REP_ERR_INVALID, "there are fewer queries than the option says");
            return;
        }
        boolean allocation = queries == 0 && !set;
        for (long i = 0; i < queries; i++) {
            long length = input.remaining() < 4 ? Long.MAX_VALUE : input.getInt() & 0xFFFFFFFFL;
            if (length > input.remaining()) {
                refuse(option, Wire.REP_ERR_INVALID, "a query is longer than the option");
                return;
            }
            String query = string((int) length);
            if (query == null || query.indexOf(':') < 1) {
                refuse(option, Wire.REP_ERR_INVALID, "a query is a namespace, a colon and a name");
                return;
            }
            allocation |= query.equals(ALLOCATION_CONTEXT) || (!set && query.equals("base:"));
        }
        if (input.hasRemaining()) {
            refuse(option, Wire.REP_ERR_INVALID, "there is more in the option than its queries");
            return;
        }
        if (found.isEmpty()) {
            refuse(option, Wire.REP_ERR_UNKNOWN, "there is no export of this name");
            return;
        }
        if (allocation) {
            byte[] context = ALLOCATION_CONTEXT.getBytes(StandardCharsets.UTF_8);
            reply(option, Wire.REP_META_CONTEXT, 4 + context.length);
            output.putInt(set ? ALLOCATION_CONTEXT_ID : 0).put(context);
            if (set) {
                contextOf = found.get();
            }
        }
        reply(option, Wire.REP_ACK, 0);
    }

    private void refuseName(int option) {
        refuse(option, Wire.REP_ERR_INVALID, "a name is UTF-8 without NUL of at most 4096 bytes");
    }

    /** The next bytes of the input as text, or null if they are none that the protocol allows. */
    private @Nullable String string(int length) {
        byte[] bytes = new byte[length];
        input.get(bytes);
        if (length > Wire.STRING_LIMIT_BYTES) {
            return null;
        }
        try {
            CharBuffer text = StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes));
            return text.chars().anyMatch(c -> c == 0) ? null : text.toString();
        } catch (CharacterCodingException notText) {
            return null;
        }
    }

    private void refuse(int option, int type, String sentence) {
        byte[] text = sentence.getBytes(StandardCharsets.UTF_8);
        reply(option, type, text.length);
        output.put(text);
    }

    /** Begins a reply; {@code dataBytes} of data are put by the caller. */
    private void reply(int option, int type, int dataBytes) {
        ensureOutput(Wire.OPTION_REPLY_HEADER_BYTES + dataBytes);
        output.putLong(Wire.OPTION_REPLY_MAGIC).putInt(option).putInt(type).putInt(dataBytes);
    }

    private void ensureOutput(int bytes) {
        if (output.remaining() < bytes) {
            int needed = output.position() + bytes;
            int capacity = Math.min(OUTPUT_LIMIT_BYTES, Integer.highestOneBit(needed - 1) << 1);
            output = ByteBuffer.wrap(Arrays.copyOf(output.array(), capacity)).position(output.position());
        }
    }
}

package redoubt.fuse;

import org.jspecify.annotations.Nullable;

/** What the kernel asks, the shortest body that such a request can have, and whether it expects an answer. */
enum Opcode {
    LOOKUP(1, 2),
    FORGET(2, 8, false),
    GETATTR(3, 16),
    SETATTR(4, 88),
    READLINK(5, 0),
    SYMLINK(6, 0),
    MKNOD(8, 0),
    MKDIR(9, 0),
    UNLINK(10, 0),
    RMDIR(11, 0),
    RENAME(12, 0),
    LINK(13, 0),
    OPEN(14, 8),
    READ(15, 40),
    WRITE(16, Wire.WRITE_IN_BYTES),
    STATFS(17, 0),
    RELEASE(18, 24),
    FSYNC(20, 16),
    FLUSH(25, 24),
    INIT(26, 16),
    OPENDIR(27, 8),
    READDIR(28, 40),
    RELEASEDIR(29, 24),
    FSYNCDIR(30, 16),
    ACCESS(34, 8),
    CREATE(35, 0),
    INTERRUPT(36, 8, false),
    DESTROY(38, 0),
    POLL(40, 24),
    BATCH_FORGET(42, Wire.BATCH_FORGET_BYTES, false),
    FALLOCATE(43, 32),
    READDIRPLUS(44, 40),
    RENAME2(45, 0),
    TMPFILE(51, 0);

    private static final int NUMBERS = 64;

    @SuppressWarnings("ImmutableEnumChecker") // filled once, here
    private static final @Nullable Opcode[] BY_NUMBER = byNumber();

    final int number;
    final int bodyBytes;
    final boolean answered;

    Opcode(int number, int bodyBytes) {
        this(number, bodyBytes, true);
    }

    Opcode(int number, int bodyBytes, boolean answered) {
        this.number = number;
        this.bodyBytes = bodyBytes;
        this.answered = answered;
    }

    private static @Nullable Opcode[] byNumber() {
        @Nullable Opcode[] all = new @Nullable Opcode[NUMBERS];
        for (Opcode opcode : values()) {
            all[opcode.number] = opcode;
        }
        return all;
    }

    /** The one of this number; null for what is not done here. */
    static @Nullable Opcode of(int number) {
        return number >= 0 && number < NUMBERS ? BY_NUMBER[number] : null;
    }
}

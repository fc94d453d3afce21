package redoubt.fuse;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.BrokenBarrierException;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import redoubt.base.Threads;
import redoubt.block.IoMemory;
import redoubt.block.IoRequestPool;
import redoubt.block.MemoryDevice;
import redoubt.testkit.Seed;

/**
 * The other end of a connection as it should not be. The test plays the kernel over a pair of sockets that keep messages apart: what
 * {@code /dev/fuse} gives a whole request at a time, they give too.
 */
class HostileKernelTest {

    private static final int ROUNDS = 4000;
    private static final int EVENTS = 5000;
    private static final int SPINS = 4000;
    private static final int MESSAGE_BYTES = 200_000;
    private static final int LONGEST_READ_BYTES = 128 << 10;
    private static final long LIMIT_NANOS = TimeUnit.SECONDS.toNanos(10);
    private static final int VOLUME_BYTES = 1 << 20;

    private final Tree tree = new Tree();
    private final Arena arena = Arena.ofAuto();
    private final MemorySegment message = arena.allocate(MESSAGE_BYTES, Long.BYTES);
    private final MemorySegment answer = arena.allocate(MESSAGE_BYTES, Long.BYTES);
    private final MemorySegment pollfd = arena.allocate(Linux.POLLFD_BYTES, Long.BYTES);
    private FuseConnection connection;
    private int kernel;
    private long unique;
    private long notToBeAnswered = -1;
    private boolean told;

    @BeforeEach
    void needsNativeCalls() {
        org.junit.jupiter.api.Assumptions.assumeTrue(Linux.available(), "this needs the calls of Linux");
    }

    @AfterEach
    void stop() {
        if (connection != null) {
            assertThat(connection.faults()).as("requests that met a bug").isZero();
            assertThat(connection.stop(LIMIT_NANOS)).isTrue();
            Linux.close(kernel);
        }
    }

    private FuseChannel channel() {
        int[] ends = new int[2];
        assertThat(Linux.socketPair(Linux.SOCK_SEQPACKET, ends)).isZero();
        assertThat(Linux.doNotBlock(ends[0])).isZero();
        kernel = ends[1];
        return new FuseChannel(ends[0]);
    }

    private void attributes() {
        FuseChannel channel = channel();
        AttributeResponder responder = new AttributeResponder(channel, tree.root, null, 0);
        IoMemory memory = new IoMemory(new IoMemory.Cut(Exchange.PAYLOAD_AT + (64 << 10), 2, 0));
        start(channel, new ExchangeStock(channel, memory, 2, null, 2), responder);
    }

    private void volumes() {
        FuseChannel channel = channel();
        FuseFiles volumes = FuseFiles.of(List.of(new FuseVolume("vol0", new MemoryDevice(VOLUME_BYTES, 512))));
        IoRequestPool requests = new IoRequestPool(8);
        VolumeResponder responder = new VolumeResponder(volumes, requests, 4, 0);
        IoMemory memory = new IoMemory(new IoMemory.Cut(volumes.bufferBytes(), 6, 0));
        ExchangeStock stock = new ExchangeStock(channel, memory, 4, requests, 2);
        responder.serves(stock);
        start(channel, stock, responder);
    }

    private void start(FuseChannel channel, ExchangeStock stock, Responder responder) {
        connection = new FuseConnection("test", channel, stock, responder, 2);
        connection.start();
    }

    // ---------------------------------------------------------------------------------------------- what the kernel
    // says

    private void header(int bytes, int opcode, long node) {
        message.set(ValueLayout.JAVA_INT, 0, bytes);
        message.set(ValueLayout.JAVA_INT, Wire.IN_OPCODE, opcode);
        message.set(ValueLayout.JAVA_LONG, Wire.IN_UNIQUE, ++unique);
        message.set(ValueLayout.JAVA_LONG, Wire.IN_NODE, node);
        for (int at = Wire.IN_NODE + 8; at < Wire.IN_HEADER_BYTES; at += 4) {
            message.set(ValueLayout.JAVA_INT, at, 0);
        }
    }

    private void body(int at, int value) {
        message.set(ValueLayout.JAVA_INT, Wire.IN_HEADER_BYTES + at, value);
    }

    private void body(int at, long value) {
        message.set(ValueLayout.JAVA_LONG, Wire.IN_HEADER_BYTES + at, value);
    }

    private void send(int bytes) {
        assertThat(Linux.write(kernel, message.address(), bytes)).isEqualTo(bytes);
    }

    /** The error of the answer to what was sent last, 0 if it was done. */
    private int answered() {
        while (true) {
            pollfd.set(ValueLayout.JAVA_INT, 0, kernel);
            pollfd.set(ValueLayout.JAVA_SHORT, Linux.POLLFD_EVENTS, Linux.POLL_IN);
            assertThat(Linux.poll(pollfd.address(), 1, 10_000))
                    .as("an answer to %d", unique)
                    .isEqualTo(1);
            long got = Linux.read(kernel, answer.address(), MESSAGE_BYTES);
            assertThat(got).isGreaterThanOrEqualTo(Wire.OUT_HEADER_BYTES);
            assertThat(answer.get(ValueLayout.JAVA_INT, 0))
                    .as("the length it says")
                    .isEqualTo((int) got);
            long to = answer.get(ValueLayout.JAVA_LONG, 8);
            int error = answer.get(ValueLayout.JAVA_INT, 4);
            if (to == unique) {
                assertThat(error).isBetween(-4095, 0);
                return -error;
            }
            told |= to == 0 && error == Wire.NOTIFY_POLL;
            assertThat(to).as("what is no request is not answered").isNotEqualTo(notToBeAnswered);
            assertThat(to)
                    .as("an answer to what was asked before, or a notification")
                    .isLessThan(unique);
        }
    }

    private int ask(int bytes, int opcode, long node) {
        header(bytes, opcode, node);
        send(bytes);
        return answered();
    }

    private int answerInt(int at) {
        return answer.get(ValueLayout.JAVA_INT, Wire.OUT_HEADER_BYTES + at);
    }

    private long answerLong(int at) {
        return answer.get(ValueLayout.JAVA_LONG, Wire.OUT_HEADER_BYTES + at);
    }

    private int greet(int major, int minor, int flags) {
        body(0, major);
        body(Wire.INIT_MINOR, minor);
        body(Wire.INIT_READAHEAD, 4096);
        body(Wire.INIT_FLAGS, flags);
        return ask(Wire.IN_HEADER_BYTES + 16, Opcode.INIT.number, 0);
    }

    private int lookUp(long node, String name) {
        byte[] text = (name + "\0").getBytes(StandardCharsets.UTF_8);
        MemorySegment.copy(text, 0, message, ValueLayout.JAVA_BYTE, Wire.IN_HEADER_BYTES, text.length);
        return ask(Wire.IN_HEADER_BYTES + text.length, Opcode.LOOKUP.number, node);
    }

    // ---------------------------------------------------------------------------------------------- the tests

    @Test
    void anOldKernelIsRefusedInWords() {
        attributes();
        assertThat(greet(7, 12, -1)).isEqualTo(Linux.EPROTO);
        assertThat(org.assertj.core.api.Assertions.catchThrowable(() -> connection.awaitGreeting(LIMIT_NANOS)))
                .isInstanceOf(FuseRefused.class)
                .hasMessageContaining("7.12")
                .hasMessageContaining("Linux 4.20");
    }

    @Test
    void aKernelOfTheFutureIsToldOurVersionAndAsksAgain() throws Exception {
        attributes();
        assertThat(greet(8, 1, -1)).isZero();
        assertThat(answerInt(0)).isEqualTo(7);
        assertThat(greet(7, 99, -1)).isZero();
        assertThat(answerInt(0)).isEqualTo(7);
        assertThat(answerInt(Wire.INIT_MINOR)).isEqualTo(Wire.MINOR);
        assertThat(answerInt(Wire.INIT_OUT_MAX_WRITE)).isEqualTo(4096);
        connection.awaitGreeting(LIMIT_NANOS);
    }

    /** Goal: nothing is promised that was not offered. */
    @Test
    void onlyWhatIsOfferedIsTaken() {
        volumes();
        int offered = Wire.INIT_BIG_WRITES | Wire.INIT_MAX_PAGES | Wire.INIT_ASYNC_READ;
        assertThat(greet(7, 31, offered)).isZero();
        assertThat(answerInt(Wire.INIT_FLAGS)).isEqualTo(offered);
        assertThat(answerInt(Wire.INIT_MINOR)).isEqualTo(31);
        assertThat(answerInt(Wire.INIT_OUT_MAX_WRITE)).isEqualTo(256 << 10);
        assertThat(greet(7, 31, Wire.INIT_ASYNC_READ)).isEqualTo(Linux.EPROTO);
    }

    @Test
    void lengthsThatLieAreAnswered() {
        attributes();
        greet(7, 38, -1);
        header(Wire.IN_HEADER_BYTES + 500, Opcode.GETATTR.number, 1); // says more than comes
        notToBeAnswered = unique;
        send(Wire.IN_HEADER_BYTES + 16);
        assertThat(ask(Wire.IN_HEADER_BYTES + 4, Opcode.GETATTR.number, 1)).isEqualTo(Linux.EINVAL);
        assertThat(ask(Wire.IN_HEADER_BYTES + 16, Opcode.GETATTR.number, 1)).isZero();
        assertThat(ask(Wire.IN_HEADER_BYTES, 4711, 1)).isEqualTo(Linux.ENOSYS);
        assertThat(ask(Wire.IN_HEADER_BYTES + 16, Opcode.GETATTR.number, Long.MIN_VALUE))
                .isEqualTo(Linux.ENOENT);
        // A name without an end.
        for (int at = 0; at < 8; at++) {
            message.set(ValueLayout.JAVA_BYTE, Wire.IN_HEADER_BYTES + at, (byte) 'a');
        }
        assertThat(ask(Wire.IN_HEADER_BYTES + 8, Opcode.LOOKUP.number, 1)).isEqualTo(Linux.ENOENT);
        // More bytes to write than there are.
        body(0, 0L);
        body(Wire.RW_SIZE, 1 << 20);
        assertThat(ask(Wire.IN_HEADER_BYTES + Wire.WRITE_IN_BYTES + 8, Opcode.WRITE.number, 2))
                .isEqualTo(Linux.EBADF);
        // More to forget than is said to be there; nobody answers that.
        body(0, -1);
        header(Wire.IN_HEADER_BYTES + 24, Opcode.BATCH_FORGET.number, 0);
        send(Wire.IN_HEADER_BYTES + 24);
        assertThat(lookUp(1, "block")).isZero();
    }

    /** Goal: a number that the kernel forgot is not known, and comes again with another generation. */
    @Test
    void forgottenNumbersAreNotKnown() {
        attributes();
        greet(7, 38, -1);
        assertThat(lookUp(1, "block")).isZero();
        long number = answerLong(0);
        long generation = answerLong(Wire.ENTRY_GENERATION);
        body(0, 1_000_000L);
        header(Wire.IN_HEADER_BYTES + 8, Opcode.FORGET.number, number);
        send(Wire.IN_HEADER_BYTES + 8);
        redoubt.testkit.Waiting.until(
                "it is forgotten", () -> ask(Wire.IN_HEADER_BYTES + 16, Opcode.GETATTR.number, number) == Linux.ENOENT);
        assertThat(lookUp(1, "block")).isZero();
        assertThat(answerLong(0)).isEqualTo(number);
        assertThat(answerLong(Wire.ENTRY_GENERATION)).isNotEqualTo(generation);
    }

    @Test
    void aVolumeIsNotLeft() {
        volumes();
        greet(7, 38, -1);
        assertThat(lookUp(1, "vol0")).isZero();
        long number = answerLong(0);
        int writeBytes = Wire.IN_HEADER_BYTES + Wire.WRITE_IN_BYTES + 512;
        long[] offsets = {-512, Long.MIN_VALUE, Long.MAX_VALUE, VOLUME_BYTES, VOLUME_BYTES + 512, 1};
        for (long offset : offsets) {
            body(Wire.RW_OFFSET, offset);
            body(Wire.RW_SIZE, 512);
            assertThat(ask(writeBytes, Opcode.WRITE.number, number))
                    .as("write at %d", offset)
                    .isNotZero();
        }
        // More to write than came: what lies behind it in memory is somebody else's.
        body(Wire.RW_OFFSET, 0L);
        body(Wire.RW_SIZE, 4096);
        assertThat(ask(writeBytes, Opcode.WRITE.number, number)).isEqualTo(Linux.EINVAL);
        body(Wire.RW_OFFSET, Long.MAX_VALUE);
        body(Wire.RW_SIZE, -1);
        assertThat(ask(Wire.IN_HEADER_BYTES + 40, Opcode.READ.number, number)).isZero();
        assertThat(answer.get(ValueLayout.JAVA_INT, 0)).isEqualTo(Wire.OUT_HEADER_BYTES);
        body(Wire.RW_OFFSET, -1L);
        assertThat(ask(Wire.IN_HEADER_BYTES + 40, Opcode.READ.number, number)).isEqualTo(Linux.EINVAL);
        body(Wire.FALLOCATE_OFFSET, 0L);
        body(Wire.FALLOCATE_LENGTH, Long.MAX_VALUE);
        body(Wire.FALLOCATE_MODE, Wire.FALLOC_PUNCH_HOLE | Wire.FALLOC_KEEP_SIZE);
        assertThat(ask(Wire.IN_HEADER_BYTES + 32, Opcode.FALLOCATE.number, number))
                .isZero();
    }

    /**
     * Goal: an event is either in the answer to a poll, or it is told. Method: each event comes at another moment of a question; sooner or
     * later it comes between the two steps of the answer.
     */
    @Test
    void anEventIsAnsweredOrTold() throws Exception {
        attributes();
        greet(7, 38, -1);
        long node = 1;
        for (String name : List.of("block", "md0", "md", "count")) {
            assertThat(lookUp(node, name)).isZero();
            node = answerLong(0);
        }
        body(0, 0L);
        assertThat(ask(Wire.IN_HEADER_BYTES + 8, Opcode.OPEN.number, node)).isZero();
        long file = answerLong(0);
        CyclicBarrier round = new CyclicBarrier(2);
        long seed = Seed.next();
        Threads.start("notifier", () -> notify(round, new SplittableRandom(seed)));
        for (int i = 0; i < EVENTS; i++) {
            body(0, file);
            body(Wire.RW_OFFSET, 0L);
            body(Wire.RW_SIZE, 4096);
            assertThat(ask(Wire.IN_HEADER_BYTES + 40, Opcode.READ.number, node)).isZero();
            body(0, file);
            body(Wire.POLL_KERNEL_HANDLE, 4711L);
            body(Wire.POLL_FLAGS, Wire.POLL_SCHEDULE_NOTIFY);
            told = false;
            round.await();
            assertThat(ask(Wire.IN_HEADER_BYTES + 24, Opcode.POLL.number, node)).isZero();
            boolean answered = (answerInt(0) & Wire.POLLPRI) != 0;
            if (!answered && !told) {
                assertThat(awaitTold()).as("event %d is lost, seed %d", i, seed).isTrue();
            }
            round.await();
        }
    }

    private void notify(CyclicBarrier round, SplittableRandom random) {
        try {
            for (int i = 0; i < EVENTS; i++) {
                round.await();
                for (int spins = random.nextInt(SPINS); spins > 0; spins--) {
                    Thread.onSpinWait();
                }
                tree.count.notifyChange();
                round.await();
            }
        } catch (InterruptedException | BrokenBarrierException over) {
            return;
        }
    }

    private boolean awaitTold() {
        pollfd.set(ValueLayout.JAVA_INT, 0, kernel);
        pollfd.set(ValueLayout.JAVA_SHORT, Linux.POLLFD_EVENTS, Linux.POLL_IN);
        return Linux.poll(pollfd.address(), 1, 2000) == 1
                && Linux.read(kernel, answer.address(), MESSAGE_BYTES) == Wire.NOTIFY_POLL_BYTES
                && answer.get(ValueLayout.JAVA_LONG, 8) == 0
                && answer.get(ValueLayout.JAVA_INT, 4) == Wire.NOTIFY_POLL
                && answerLong(0) == 4711;
    }

    /** Goal: no bytes break the attributes. Method: requests that are mostly right, with some bytes turned, from one seed. */
    @Test
    void anyBytesAreAnsweredByAttributes() {
        attributes();
        mutate(Seed.next());
    }

    /** Goal: no bytes break the volumes. */
    @Test
    void anyBytesAreAnsweredByVolumes() {
        volumes();
        mutate(Seed.next());
    }

    private void mutate(long seed) {
        SplittableRandom random = new SplittableRandom(seed);
        Opcode[] opcodes = Opcode.values();
        greet(7, 38, -1);
        for (int round = 0; round < ROUNDS; round++) {
            Opcode opcode = opcodes[random.nextInt(opcodes.length)];
            int bytes = Wire.IN_HEADER_BYTES + opcode.bodyBytes + random.nextInt(4) * random.nextInt(64);
            for (int at = Wire.IN_HEADER_BYTES; at < bytes; at++) {
                boolean small = random.nextInt(4) > 0;
                message.set(ValueLayout.JAVA_BYTE, at, (byte) (small ? random.nextInt(2) : random.nextInt(256)));
            }
            header(bytes, opcode.number, random.nextInt(6) == 0 ? random.nextLong() : random.nextInt(5));
            if (opcode == Opcode.READ) { // the socket takes no longer answer, and a kernel asks for none
                body(Wire.RW_SIZE, random.nextInt(LONGEST_READ_BYTES));
            }
            boolean turned = random.nextInt(4) == 0;
            if (turned) {
                int at = random.nextInt(bytes);
                boolean inUnique = at >= Wire.IN_UNIQUE && at < Wire.IN_NODE;
                message.set(ValueLayout.JAVA_BYTE, inUnique ? 0 : at, (byte) random.nextInt(256));
            }
            send(bytes);
            if (!turned && opcode.answered) {
                try {
                    answered();
                } catch (AssertionError lost) {
                    throw new AssertionError(
                            "seed %d, round %d, %s: %s".formatted(seed, round, opcode, lost.getMessage()), lost);
                }
            }
        }
        assertThat(connection.faults()).as("seed %d", seed).isZero();
        drain();
        assertThat(ask(Wire.IN_HEADER_BYTES + 16, Opcode.GETATTR.number, 1))
                .as("seed %d", seed)
                .isZero();
    }

    private void drain() {
        pollfd.set(ValueLayout.JAVA_INT, 0, kernel);
        pollfd.set(ValueLayout.JAVA_SHORT, Linux.POLLFD_EVENTS, Linux.POLL_IN);
        while (Linux.poll(pollfd.address(), 1, 0) > 0) {
            Linux.read(kernel, answer.address(), MESSAGE_BYTES);
        }
    }
}

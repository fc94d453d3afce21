package redoubt.nbd;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.SplittableRandom;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import redoubt.block.BlockLimits;
import redoubt.block.IoBuffer;
import redoubt.block.IoMemory;
import redoubt.block.IoOperation;
import redoubt.block.IoRequest;
import redoubt.block.IoStatus;

/**
 * Goal: what a client does to its bytes after it sent them cannot make two mirrors differ. Method: a device that takes a write's bytes for one
 * mirror when it gets the request, and for the other at the last possible moment, while the client goes on sending other bytes: more writes,
 * to the same place, over the same connection and through the same receive buffer. What would break it: a device that is given the
 * receive buffer itself, a payload that is received twice, or a buffer that goes to the next request while a mirror still needs it.
 */
class PayloadTest {

    private static final int SIZE = 4 << 20;
    private static final long SEED = 20231114;

    /** Two mirrors, of which the second is late; the test's thread lets it catch up. */
    private static final class Mirrors extends MemoryExport {
        private final MemorySegment second = Arena.ofAuto().allocate(SIZE, 4096);
        private final ArrayDeque<IoRequest> late = new ArrayDeque<>();
        private boolean lateIsForeign;

        Mirrors() {
            super(new BlockLimits(SIZE, 512, 4096, 64 << 10, false, true, true, false));
        }

        @Override
        public synchronized void submit(IoRequest request) {
            if (request.operation() != IoOperation.WRITE) {
                super.submit(request);
                return;
            }
            carryOut(request);
            late.add(request);
        }

        synchronized int waiting() {
            return late.size();
        }

        /** Carries out so many of the second mirror's writes, the oldest first. */
        void catchUp(int writes) {
            for (int i = 0; i < writes; i++) {
                IoRequest request;
                synchronized (this) {
                    request = late.remove();
                    IoBuffer buffer = request.buffer();
                    int at = buffer.position() + request.bufferOffset();
                    MemorySegment.copy(buffer.segment(), at, second, request.offset(), request.length());
                    MemorySegment fresh = second.asSlice(request.offset(), request.length());
                    lateIsForeign |= fresh.get(ValueLayout.JAVA_LONG, 0) != fresh.get(ValueLayout.JAVA_LONG, 504);
                }
                request.complete(IoStatus.OK);
            }
        }
    }

    /** A block says in each of its words which write it belongs to, so that one made of two writes is found out. */
    private static byte[] payload(int bytes, long number) {
        ByteBuffer content = ByteBuffer.allocate(bytes);
        while (content.hasRemaining()) {
            content.putLong(number);
        }
        return content.array();
    }

    @ParameterizedTest
    @ValueSource(ints = {512, 4096, 40 << 10, 200 << 10})
    void bothMirrorsGetTheBytesThatWereSentFirst(int bytes) throws IOException {
        SplittableRandom random = new SplittableRandom(SEED + bytes);
        Mirrors mirrors = new Mirrors();
        IoMemory memory = new IoMemory(new IoMemory.Cut(4096, 64, 0), new IoMemory.Cut(64 << 10, 64, 0));
        try (ServedDevice served = new ServedDevice(mirrors, NbdLimits.standard(), memory);
                RawClient client = RawClient.simple(served.socket)) {
            int parts = Math.ceilDiv(bytes, 64 << 10);
            int sent = 0;
            int answered = 0;
            while (answered < 400) {
                int more = Math.min(400 - sent, 1 + random.nextInt(4));
                if (sent - answered + more > 5) {
                    more = 0;
                }
                ByteBuffer wire = ByteBuffer.allocate(more * (28 + bytes));
                for (int i = 0; i < more; i++) {
                    // Always the same few places, so that one write runs into the next.
                    long place = (long) random.nextInt(3) * 512;
                    wire.put(RawClient.header(Wire.CMD_WRITE, 0, sent, place, bytes));
                    wire.put(payload(bytes, sent++));
                }
                client.send(wire.flip());
                int expected = Math.min(parts, 4);
                Await.that("the device has writes", () -> mirrors.waiting() >= expected);
                // The client changes what it sent as much as it can: the wire's other end is its memory.
                Arrays.fill(wire.array(), (byte) 0x55);
                for (int open = parts; open > 0; ) {
                    int now = Math.min(open, mirrors.waiting());
                    mirrors.catchUp(now);
                    open -= now;
                }
                assertThat(client.reply().error()).isZero();
                answered++;
            }
            assertThat(mirrors.waiting()).isZero();
        }
        assertThat(mirrors.lateIsForeign).isFalse();
        assertThat(mirrors.second.mismatch(mirrors.content)).isEqualTo(-1);
    }
}

package redoubt.nbd;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.Arrays;
import java.util.Objects;
import java.util.SplittableRandom;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import redoubt.base.Threads;
import redoubt.block.BlockLimits;
import redoubt.block.IoBuffer;
import redoubt.block.IoMemory;
import redoubt.block.IoOperation;
import redoubt.block.IoRequest;

/** A device that answers late, on other threads, or not in time: nobody waits for it but the one who asked. */
class LateAnswersTest {

    private static final int SIZE = 64 << 20;

    private final HoldingExport device = new HoldingExport(SIZE, 0);

    @AfterEach
    void closeDevice() {
        device.close();
    }

    @ParameterizedTest
    @ValueSource(ints = {4096, 200 << 10, 3 << 20})
    void answersFromOtherThreadsReachTheClient(int bytes) throws IOException {
        device.release(Long.MAX_VALUE / 2);
        byte[] data = new byte[bytes];
        new SplittableRandom(bytes).nextBytes(data);
        try (ServedDevice served = new ServedDevice(device)) {
            for (boolean structured : new boolean[] {false, true}) {
                try (RawClient client =
                        structured ? RawClient.structured(served.socket) : RawClient.simple(served.socket)) {
                    for (int i = 0; i < 20; i++) {
                        client.write(i, 0, data);
                        assertThat(client.reply().error()).isZero();
                        assertThat(client.read(0, bytes)).isEqualTo(data);
                    }
                }
            }
        }
    }

    @Test
    void aDeviceOfShortTransfersIsAskedInPieces() throws IOException {
        byte[] data = new byte[3 << 20];
        new SplittableRandom(5).nextBytes(data);
        BlockLimits limits = new BlockLimits(SIZE, 4096, 4096, 20480, false, true, true, false);
        try (HoldingExport pieces = new HoldingExport(limits, Long.MAX_VALUE / 2);
                ServedDevice served = new ServedDevice(pieces);
                RawClient client = RawClient.structured(served.socket)) {
            client.write(1, 8192, data);
            assertThat(client.reply().error()).isZero();
            assertThat(client.read(8192, data.length)).isEqualTo(data);
        }
    }

    /** Looking for the end of an extent may cost a walk to the end of the file, so a long range is asked about once. */
    @Test
    void theAllocationOfALongRangeIsAskedForInOnePiece() throws IOException {
        BlockLimits limits = new BlockLimits(SIZE, 4096, 4096, 20480, false, true, true, false);
        try (HoldingExport pieces = new HoldingExport(limits, Long.MAX_VALUE / 2);
                ServedDevice served = new ServedDevice(pieces);
                RawClient client = RawClient.structured(served.socket)) {
            int strips = 40;
            client.request(Wire.CMD_BLOCK_STATUS, 0, 1, 0, strips * 65536);
            assertThat(client.reply().data()).hasSize(4 + 8 * strips);
        }
    }

    @Test
    void aHeldRequestHoldsUpNeitherOthersOfItsClientNorOtherClients() throws IOException {
        try (ServedDevice served = new ServedDevice(device)) {
            served.exports.add("quick", new MemoryExport(1 << 20), "");
            try (RawClient held = RawClient.simple(served.socket);
                    RawClient other = RawClient.greeted(served.socket)) {
                other.go("quick");
                for (int i = 0; i < 50; i++) {
                    held.request(Wire.CMD_READ, 0, i, 0, 4096);
                }
                Await.that("the device has them all", () -> device.held() == 50);
                assertThat(other.read(0, 4096)).hasSize(4096);
                // What needs no device is answered past the others.
                assertThat(held.errorOf(Wire.CMD_CACHE, 0, 0, 4096)).isZero();
                device.release(50);
                for (int i = 0; i < 50; i++) {
                    assertThat(held.reply(4096).error()).isZero();
                }
            }
        }
    }

    @Test
    void aClientThatLeavesDoesNotWaitForItsRequests() throws IOException {
        try (ServedDevice served = new ServedDevice(device, NbdLimits.standard().withConnections(1))) {
            int whole = served.memory.free();
            try (RawClient client = RawClient.simple(served.socket)) {
                for (int i = 0; i < 10; i++) {
                    client.request(Wire.CMD_READ, 0, i, 0, 4096);
                    client.write(i, 0, new byte[100 << 10]);
                }
                client.request(Wire.CMD_READ, 0, 1, 0, 8 << 20);
                Await.that("the device has requests", () -> device.held(IoOperation.WRITE) >= 10);
            }
            Await.that("the session is over", () -> served.server.status().sessions() == 0);
            // Its memory and its place are still in the device's hands.
            assertThat(served.memory.free()).isLessThan(whole);
            device.release(10_000);
            Await.that("all memory came back", () -> served.memory.free() == whole);
            RawClient.simple(served.socket).close();
        }
    }

    /** Goal: what a client leaves behind at the device does not stop the next one. Method: so few commands that the next one gets the same. */
    @Test
    void theNextClientWritesWithTheCommandsOfOneThatLeft() throws IOException {
        NbdLimits few = NbdLimits.standard().withRequests(4, 4);
        try (ServedDevice served = new ServedDevice(device, few)) {
            try (RawClient client = RawClient.simple(served.socket)) {
                for (int i = 0; i < 2; i++) {
                    client.request(Wire.CMD_READ, 0, i, 0, 4096);
                }
                Await.that("the device has them all", () -> device.held() == 2);
            }
            Await.that("the session is over", () -> served.server.status().sessions() == 0);
            device.release(1_000);
            try (RawClient next = RawClient.simple(served.socket)) {
                for (int i = 0; i < 16; i++) {
                    next.write(i, 0, new byte[4096]);
                    assertThat(next.reply().error()).isZero();
                }
            }
        }
    }

    @Test
    void whatTimesOutIsAnErrorAndItsMemoryStaysAside() throws IOException {
        try (ServedDevice served = new ServedDevice(device)) {
            try (RawClient client = RawClient.structured(served.socket)) {
                int whole = served.memory.free();
                client.write(1, 0, new byte[4096]);
                client.request(Wire.CMD_READ, 0, 2, 0, 4096);
                Await.that("the device has both", () -> device.held() == 2);
                device.timeOutAll();
                assertThat(client.reply().error()).isEqualTo(Wire.EIO);
                assertThat(client.reply().error()).isEqualTo(Wire.EIO);
                assertThat(served.memory.free()).isEqualTo(whole - 2);
                device.release(2);
                Await.that("the memory came back", () -> served.memory.free() == whole);
            }
        }
    }

    @Test
    void aLongReadThatFailsInItsMiddleIsAnErrorWithStructuredRepliesAndACutWithout() throws IOException {
        try (ServedDevice served = new ServedDevice(device)) {
            try (RawClient client = RawClient.structured(served.socket)) {
                device.release(2);
                client.request(Wire.CMD_READ, 0, 2, 0, 2 << 20);
                Await.that("the device holds the middle", () -> device.atRestWith(4));
                device.timeOutAll();
                RawClient.Reply last = client.reply();
                while (!last.done()) {
                    last = client.reply();
                }
                assertThat(last.error()).isEqualTo(Wire.EIO);
                device.release(4);
                assertThat(client.errorOf(Wire.CMD_CACHE, 0, 0, 4096)).isZero();
            }
            Await.that("nothing is held", () -> device.held() == 0);
            try (RawClient client = RawClient.simple(served.socket)) {
                device.release(2);
                client.request(Wire.CMD_READ, 0, 2, 0, 2 << 20);
                Await.that("the device holds the middle", () -> device.atRestWith(4));
                client.receive(16 + (256 << 10));
                device.timeOutAll();
                client.drainUntilClosed();
                device.release(4);
            }
        }
    }

    /** Goal: the data is where the request says at its end. Method: a device that always answers in other memory, in another place. */
    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void aDeviceMayAnswerInOtherMemory(boolean structured) throws IOException {
        IoMemory other = new IoMemory(new IoMemory.Cut(4096, 8, 0), new IoMemory.Cut(512 << 10, 16, 0));
        MemoryExport moving = new MemoryExport(SIZE) {
            @Override
            public void submit(IoRequest request) {
                if (request.operation() == IoOperation.READ || request.operation() == IoOperation.ALLOCATION) {
                    IoBuffer fresh = Objects.requireNonNull(other.take((int) Math.max(4096, request.length() + 512)));
                    request.replaceBuffer(fresh, request.operation() == IoOperation.READ ? 512 : 0);
                    fresh.release();
                }
                super.submit(request);
            }
        };
        byte[] data = new byte[900 << 10];
        new SplittableRandom(6).nextBytes(data);
        try (ServedDevice served = new ServedDevice(moving);
                RawClient client = structured ? RawClient.structured(served.socket) : RawClient.simple(served.socket)) {
            client.write(1, 0, data);
            assertThat(client.reply().error()).isZero();
            assertThat(client.read(0, data.length)).isEqualTo(data);
            assertThat(client.read(512, 2048)).isEqualTo(Arrays.copyOfRange(data, 512, 2560));
            if (structured) {
                client.request(Wire.CMD_BLOCK_STATUS, 0, 2, 0, 65536);
                assertThat(ByteBuffer.wrap(client.reply().data()).getInt(8)).isZero();
            }
        }
        Await.that("the other memory came back", () -> other.free() == other.total());
    }

    @Test
    void stopAnswersWhatIsInWork() throws Exception {
        try (ServedDevice served = new ServedDevice(device);
                RawClient client = RawClient.simple(served.socket)) {
            for (int i = 0; i < 5; i++) {
                client.write(i, 0, new byte[4096]);
            }
            Await.that("the device has them all", () -> device.held() == 5);
            AtomicBoolean clean = new AtomicBoolean();
            Thread stopper = Threads.start("stopper", () -> {
                try {
                    clean.set(served.server.stop(Duration.ofSeconds(20)));
                } catch (InterruptedException e) {
                    throw new AssertionError(e);
                }
            });
            Await.that("nobody listens", () -> served.server.addresses().isEmpty());
            client.request(Wire.CMD_READ, 0, 77, 0, 4096);
            assertThat(client.reply().error()).isEqualTo(Wire.ESHUTDOWN);
            device.release(5);
            for (int i = 0; i < 5; i++) {
                assertThat(client.reply().error()).isZero();
            }
            assertThat(client.isClosed()).isTrue();
            stopper.join();
            assertThat(clean).isTrue();
        }
    }

    @Test
    void stopDoesNotWaitForADeviceThatHangs() throws Exception {
        ServedDevice served = new ServedDevice(device);
        try (RawClient client = RawClient.simple(served.socket)) {
            client.write(1, 0, new byte[4096]);
            Await.that("the device has it", () -> device.held() == 1);
            long begin = System.nanoTime();
            assertThat(served.server.stop(Duration.ofMillis(300))).isFalse();
            assertThat((System.nanoTime() - begin) / 1_000_000).isLessThan(3_000);
            assertThat(client.isClosed()).isTrue();
        }
        device.release(1);
        Await.that("all memory came back", () -> served.memory.free() == served.memory.total());
    }
}

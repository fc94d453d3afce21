package redoubt.block;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import redoubt.base.Threads;

/**
 * Goal: of two flushes at once none answers OK when one of them was told that data is lost. Method: the kernel's answers come when, and in which
 * order, the test says so; on paper as a ring meets them, and with the threads of a lane, whose channels are fakes.
 */
class DurableCallsTest {

    private static final long PATIENCE_SECONDS = 30;

    private final WriteBehind behind = new WriteBehind();
    private final DurableCalls calls = new DurableCalls(4, behind);

    @Test
    void aCallAloneIsBelieved() {
        calls.begin(0);
        assertThat(calls.runs(0)).isTrue();
        calls.end(0, true);
        assertThat(calls.runs(0)).isFalse();
        assertThat(calls.verdict(0)).isEqualTo(IoStatus.OK);
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void aSuccessWaitsForWhoBeganBefore(boolean well) {
        calls.begin(0);
        calls.begin(1);
        calls.end(1, true);
        assertThat(calls.verdict(1)).isNull();
        calls.end(0, well);
        assertThat(calls.verdict(1)).isEqualTo(well ? IoStatus.OK : IoStatus.IO_ERROR);
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void aSuccessWaitsForWhoBeganMeanwhile(boolean well) {
        calls.begin(0);
        calls.begin(1);
        calls.end(0, true);
        assertThat(calls.verdict(0)).isNull();
        calls.end(1, well);
        assertThat(calls.verdict(0)).isEqualTo(well ? IoStatus.OK : IoStatus.IO_ERROR);
    }

    @Test
    void aFailureSpoilsWhatRunsOn() {
        calls.begin(0);
        calls.begin(1);
        calls.end(0, false);
        calls.end(1, true);
        assertThat(calls.verdict(1)).isEqualTo(IoStatus.IO_ERROR);
    }

    /** Else a stream of flushes that overlap each other would never be answered. */
    @Test
    void aSuccessDoesNotWaitForWhoBeginsAfterIt() {
        calls.begin(0);
        calls.begin(1);
        calls.end(0, true);
        calls.begin(2);
        calls.end(1, true);
        assertThat(calls.verdict(0)).isEqualTo(IoStatus.OK);
        assertThat(calls.verdict(1)).isNull();
        calls.end(2, false);
        assertThat(calls.verdict(1)).isEqualTo(IoStatus.IO_ERROR);
        calls.begin(0);
        calls.end(0, true);
        assertThat(calls.verdict(0)).isEqualTo(IoStatus.OK);
    }

    /** The place of a call that ended may be another's by the time of the verdict. */
    @Test
    void aPlaceThatIsUsedAgainIsAnotherCall() {
        calls.begin(0);
        calls.begin(1);
        calls.end(0, true);
        calls.end(1, true);
        calls.begin(1);
        assertThat(calls.verdict(0)).isEqualTo(IoStatus.OK);
    }

    @Test
    void nothingIsBelievedAfterALoss() {
        behind.lose();
        calls.begin(0);
        calls.end(0, true);
        assertThat(calls.verdict(0)).isEqualTo(IoStatus.IO_ERROR);
    }

    // ---- Threads. ----

    /** A flush that one thread of a lane makes, and what the kernel will say. */
    private static final class Flushing {
        private final BlockingQueue<Boolean> answers = new LinkedBlockingQueue<>();
        private final BlockingQueue<String> inside = new LinkedBlockingQueue<>();
        private final AtomicReference<IoStatus> status = new AtomicReference<>();
        private final FileChannel channel = new ForceOnly(this);
        private final Call call = new Call();
        private Thread thread;

        void start(FileCalls calls, int place, IoRequest request) throws InterruptedException {
            call.begin(request);
            thread = Threads.start("flush-" + place, () -> status.set(calls.perform(place, request, call)));
            assertThat(inside.poll(PATIENCE_SECONDS, TimeUnit.SECONDS)).isNotNull();
        }

        void awaitKeptBack() {
            long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(PATIENCE_SECONDS);
            while (thread.getState() != Thread.State.TIMED_WAITING) {
                assertThat(thread.isAlive()).as("it is kept back").isTrue();
                assertThat(System.nanoTime()).isLessThan(deadline);
                Thread.onSpinWait();
            }
        }

        IoStatus await() throws InterruptedException {
            thread.join(TimeUnit.SECONDS.toMillis(PATIENCE_SECONDS));
            return status.get();
        }
    }

    private final Flushing first = new Flushing();
    private final Flushing second = new Flushing();
    private final IoRequestPool pool = new IoRequestPool(2);

    private void startBoth() throws InterruptedException {
        FileCalls lane = new FileCalls(
                new FileChannel[] {first.channel, second.channel},
                FileCalls.NO_DESCRIPTOR,
                FileCalls.NO_DESCRIPTOR,
                false,
                new BlockLimits(1 << 20, 512, 4096, 1 << 20, false, false, false, false),
                behind,
                () -> {});
        first.start(lane, 0, flush());
        second.start(lane, 1, flush());
    }

    private IoRequest flush() {
        assertThat(pool.reserve(1)).isTrue();
        return pool.take().prepare(IoOperation.FLUSH, 0, 0, 0, null, 0, request -> {});
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void aThreadKeepsItsSuccessBack(boolean well) throws InterruptedException {
        startBoth();
        second.answers.add(true);
        second.awaitKeptBack();
        first.answers.add(well);
        IoStatus expected = well ? IoStatus.OK : IoStatus.IO_ERROR;
        assertThat(first.await()).isEqualTo(expected);
        assertThat(second.await()).isEqualTo(expected);
    }

    @Test
    void aThreadHearsOfAFailureBesideIt() throws InterruptedException {
        startBoth();
        first.answers.add(false);
        assertThat(first.await()).isEqualTo(IoStatus.IO_ERROR);
        second.answers.add(true);
        assertThat(second.await()).isEqualTo(IoStatus.IO_ERROR);
    }

    /** Goal: nobody is kept back for a call that hangs longer than somebody waits for him. */
    @Test
    void aThreadThatNobodyWaitsForGoes() throws InterruptedException {
        startBoth();
        second.answers.add(true);
        second.awaitKeptBack();
        assertThat(second.call.expire()).isNotNull();
        assertThat(second.await()).isEqualTo(IoStatus.TIMED_OUT);
        first.answers.add(true);
        assertThat(first.await()).isEqualTo(IoStatus.OK);
    }

    /** A channel that can only force, and does it as the test says. */
    private static final class ForceOnly extends FakeChannel {
        private final Flushing of;

        ForceOnly(Flushing of) {
            this.of = of;
        }

        @Override
        public void force(boolean metaData) throws IOException {
            of.inside.add("here");
            try {
                Boolean well = of.answers.poll(PATIENCE_SECONDS, TimeUnit.SECONDS);
                if (well == null || !well) {
                    throw new IOException("Input/output error");
                }
            } catch (InterruptedException interrupted) {
                throw new IOException(interrupted);
            }
        }
    }
}

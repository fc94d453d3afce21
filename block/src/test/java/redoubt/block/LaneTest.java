package redoubt.block;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import redoubt.base.ThreadHeartbeat;
import redoubt.sim.SteppedTime;

/** A lane carries, and gives up what does not come back. The calls are fakes that return when the test says so. */
class LaneTest {

    private static final long LIMIT_NANOS = 1_000;
    private static final long PATIENCE_SECONDS = 30;

    private final SteppedTime time = new SteppedTime();
    private final IoRequestPool pool = new IoRequestPool(256);
    private final IoMemory memory = new IoMemory(new IoMemory.Cut(4096, 256, 0));
    private final HeldWork work = new HeldWork();
    private final List<Ended> ended = new ArrayList<>();

    @AfterEach
    void letEverythingGo() {
        work.letGo.countDown();
    }

    /** Goal: what hangs is given up at the limit and not before, what waits behind it at once, and memory waits for the call. */
    @Test
    void abandonsWhatHangs() throws Exception {
        ThreadLane lane = lane(1, 4);
        AtomicInteger told = new AtomicInteger();
        lane.whenHung(told::incrementAndGet);
        Ended hanging = submit(lane);
        work.awaitInside(1);
        time.advance(LIMIT_NANOS / 2);
        List<Ended> waiting = new ArrayList<>();
        for (int i = 0; i < 20; i++) {
            waiting.add(submit(lane)); // more than the ring holds
        }
        time.advance(LIMIT_NANOS / 2 - 1);
        assertThat(hanging.times.get()).isZero();
        assertThat(lane.abandoned()).isFalse();

        time.advance(1);
        assertThat(hanging.status).isEqualTo(IoStatus.TIMED_OUT);
        assertThat(waiting).allMatch(one -> one.status == IoStatus.GONE);
        assertThat(told).hasValue(1);
        assertThat(submit(lane).status).isEqualTo(IoStatus.GONE);
        assertThat(pool.free()).as("the hanging request is in quarantine").isEqualTo(pool.total() - 1);
        assertThat(memory.free()).as("so is its memory").isEqualTo(memory.total() - 1);
        assertThat(lane.holdsQuarantine()).isTrue();
        time.advance(LIMIT_NANOS);
        assertThat(told).hasValue(1);

        work.letGo.countDown();
        assertThat(lane.awaitReleased(TimeUnit.SECONDS.toNanos(PATIENCE_SECONDS)))
                .isTrue();
        assertThat(pool.free()).isEqualTo(pool.total());
        assertThat(memory.free()).isEqualTo(memory.total());
        assertThat(work.left).containsExactly("0", "last");
        assertThat(time.registered()).isZero();
        assertEachEndedOnce();
    }

    /** Goal: a request that only waits is given up too, when its time is over: the calls ahead of it are slow, not hung. */
    @Test
    void givesUpWhatWaitsTooLong() throws Exception {
        work.letGo.countDown(); // calls return at once, until the gate below
        ThreadLane lane = lane(1, 4);
        CountDownLatch inCompletion = new CountDownLatch(1);
        CountDownLatch leaveCompletion = new CountDownLatch(1);
        Ended slow = new Ended() {
            @Override
            public void completed(IoRequest request) {
                super.completed(request);
                inCompletion.countDown();
                LaneTest.await(leaveCompletion);
            }
        };
        submit(lane, slow);
        LaneTest.await(inCompletion);
        Ended waits = submit(lane);
        time.advance(LIMIT_NANOS);
        assertThat(waits.status).isEqualTo(IoStatus.GONE);
        assertThat(lane.abandoned()).isTrue();
        leaveCompletion.countDown();
        assertThat(lane.awaitReleased(TimeUnit.SECONDS.toNanos(PATIENCE_SECONDS)))
                .isTrue();
    }

    /** Goal: a machine that was suspended with a call under way does not take it out on the member, and still finds out what hangs. */
    @Test
    void doesNotCountThePauseOfTheProcess() throws Exception {
        ThreadLane lane = lane(1, 4);
        Ended runs = submit(lane);
        work.awaitInside(1);
        Ended waits = submit(lane);
        time.pause(1_000 * LIMIT_NANOS);
        assertThat(lane.abandoned()).isFalse();
        time.advance(LIMIT_NANOS);
        assertThat(runs.status).isEqualTo(IoStatus.TIMED_OUT);
        assertThat(waits.status).isEqualTo(IoStatus.GONE);
    }

    /** Goal: when one call hangs, those beside it are given up with it: nobody waits for a member that has failed. */
    @Test
    void abandonsAllCallsTogether() throws Exception {
        ThreadLane lane = lane(3, 4);
        Ended first = submit(lane);
        work.awaitInside(1);
        time.advance(LIMIT_NANOS - 1);
        Ended second = submit(lane);
        Ended third = submit(lane);
        work.awaitInside(3);
        time.advance(1);
        assertThat(List.of(first.status, second.status, third.status)).containsOnly(IoStatus.TIMED_OUT);
    }

    /** Goal: a close answers what waits at once, lets what runs come back, and keeps the time limit for it. */
    @Test
    void closesWithoutWaiting() throws Exception {
        ThreadLane lane = lane(1, 4);
        Ended runs = submit(lane);
        work.awaitInside(1);
        Ended waits = submit(lane);
        lane.close();
        assertThat(waits.status).isEqualTo(IoStatus.GONE);
        assertThat(submit(lane).status).isEqualTo(IoStatus.GONE);
        assertThat(runs.times.get()).isZero();
        work.letGo.countDown();
        assertThat(lane.awaitReleased(TimeUnit.SECONDS.toNanos(PATIENCE_SECONDS)))
                .isTrue();
        assertThat(runs.status).isEqualTo(IoStatus.OK);
        assertThat(pool.free()).isEqualTo(pool.total());
        assertEachEndedOnce();
    }

    /** Goal: a call that hangs across a close is given up all the same. */
    @Test
    void givesUpAfterClose() throws Exception {
        ThreadLane lane = lane(1, 4);
        Ended runs = submit(lane);
        work.awaitInside(1);
        lane.close();
        time.advance(LIMIT_NANOS);
        assertThat(runs.status).isEqualTo(IoStatus.TIMED_OUT);
    }

    /** Goal: a request that a thread takes after its call was given up, and before the queue is emptied, is settled. */
    @Test
    void settlesWhatIsTakenWhileTheLaneIsBeingAbandoned() {
        ThreadLane lane = lane(1, 4);
        Ended second = new Ended();
        Ended first = new Ended() {
            @Override
            public void completed(IoRequest request) {
                super.completed(request);
                work.letGo.countDown();
                second.await();
            }
        };
        submit(lane, first);
        work.awaitInside(1);
        submit(lane, second);
        time.advance(LIMIT_NANOS);
        assertThat(first.status).isEqualTo(IoStatus.TIMED_OUT);
        assertThat(second.status).isEqualTo(IoStatus.GONE);
    }

    /** Goal: a completion that throws is counted and costs nobody else anything. */
    @Test
    void survivesCompletionsThatThrow() throws Exception {
        work.letGo.countDown();
        ThreadLane lane = lane(1, 4);
        Thread.UncaughtExceptionHandler before = Thread.getDefaultUncaughtExceptionHandler();
        Thread.setDefaultUncaughtExceptionHandler((thread, fault) -> {});
        try {
            Ended bad = new Ended() {
                @Override
                public void completed(IoRequest request) {
                    super.completed(request);
                    throw new IllegalStateException("thrown by the test");
                }
            };
            submit(lane, bad);
            Ended good = submit(lane);
            good.await();
            assertThat(good.status).isEqualTo(IoStatus.OK);
            assertThat(lane.faults()).isEqualTo(1);
        } finally {
            Thread.setDefaultUncaughtExceptionHandler(before);
        }
    }

    /** Goal: whatever the race between a call that comes back and its verdict, every request ends once and comes home. */
    @Test
    void settlesOnceUnderRaces() throws Exception {
        long seed = System.nanoTime();
        Random random = new Random(seed);
        for (int round = 0; round < 60; round++) {
            ThreadHeartbeat heartbeat = new ThreadHeartbeat(20_000);
            int most = random.nextInt(200);
            ThreadLane.Work racing = new RacingWork(random.nextLong(), most);
            ThreadLane lane = new ThreadLane("racing", racing, 4, 50_000L * (1 + random.nextInt(4)), 8, heartbeat);
            List<Ended> sent = new ArrayList<>();
            for (int i = 0; i < 200; i++) {
                sent.add(submit(lane));
            }
            lane.close();
            for (Ended one : sent) {
                one.await();
            }
            assertThat(lane.awaitReleased(TimeUnit.SECONDS.toNanos(PATIENCE_SECONDS)))
                    .isTrue();
            heartbeat.close();
            assertThat(heartbeat.faults()).isZero();
            assertThat(lane.faults()).isZero();
            assertThat(pool.free()).as("seed %d, round %d", seed, round).isEqualTo(pool.total());
            assertThat(memory.free()).as("seed %d, round %d", seed, round).isEqualTo(memory.total());
        }
        assertEachEndedOnce();
    }

    private ThreadLane lane(int threads, int queueCapacity) {
        return new ThreadLane("lane", work, threads, LIMIT_NANOS, queueCapacity, time);
    }

    private Ended submit(Lane lane) {
        return submit(lane, new Ended());
    }

    private Ended submit(Lane lane, Ended handle) {
        assertThat(pool.reserve(1)).isTrue();
        IoBuffer buffer = memory.take(4096);
        assertThat(buffer).isNotNull();
        IoRequest request = pool.take().prepare(IoOperation.READ, 0, 512, 0, buffer, 0, handle);
        buffer.release();
        ended.add(handle);
        lane.submit(request);
        return handle;
    }

    private void assertEachEndedOnce() {
        assertThat(ended).allMatch(one -> one.times.get() == 1);
    }

    private static void await(CountDownLatch latch) {
        try {
            assertThat(latch.await(PATIENCE_SECONDS, TimeUnit.SECONDS)).isTrue();
        } catch (InterruptedException interrupted) {
            throw new IllegalStateException(interrupted);
        }
    }

    /** Notes how a request ended, and frees it. */
    private static class Ended implements IoCompletion {
        final AtomicInteger times = new AtomicInteger();
        private final CountDownLatch latch = new CountDownLatch(1);
        volatile IoStatus status;

        @Override
        public void completed(IoRequest request) {
            status = request.status();
            times.incrementAndGet();
            request.free();
            latch.countDown();
        }

        void await() {
            LaneTest.await(latch);
        }
    }

    /** Calls that hang until they are let go. */
    private static final class HeldWork implements ThreadLane.Work {
        final CountDownLatch letGo = new CountDownLatch(1);
        final AtomicInteger inside = new AtomicInteger();
        final List<String> left = java.util.Collections.synchronizedList(new ArrayList<>());

        @Override
        public IoStatus perform(int thread, IoRequest request, Call call) {
            inside.incrementAndGet();
            await(letGo);
            return IoStatus.OK;
        }

        void awaitInside(int count) {
            long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(PATIENCE_SECONDS);
            while (inside.get() < count) {
                assertThat(System.nanoTime()).isLessThan(deadline);
                Thread.onSpinWait();
            }
        }

        @Override
        public void leave(int thread) {
            left.add(Integer.toString(thread));
        }

        @Override
        public void leaveLast() {
            left.add("last");
        }
    }

    /** Calls that take no time, or about as long as the limit. */
    private static final class RacingWork implements ThreadLane.Work {
        private final long seed;
        private final int mostMicros;
        private final AtomicInteger calls = new AtomicInteger();

        RacingWork(long seed, int mostMicros) {
            this.seed = seed;
            this.mostMicros = mostMicros;
        }

        @Override
        public IoStatus perform(int thread, IoRequest request, Call call) {
            int number = calls.incrementAndGet();
            long wait = new Random(seed + number).nextInt(mostMicros + 1) * (number % 20 == 0 ? 2_000L : 50L);
            long until = System.nanoTime() + wait;
            while (System.nanoTime() < until) {
                Thread.onSpinWait();
            }
            return IoStatus.OK;
        }

        @Override
        public void leave(int thread) {}

        @Override
        public void leaveLast() {}
    }
}

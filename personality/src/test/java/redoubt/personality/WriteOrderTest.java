package redoubt.personality;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Random;
import java.util.TreeSet;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import redoubt.block.IoOperation;
import redoubt.block.IoRequest;
import redoubt.block.IoRequestPool;
import redoubt.block.IoStatus;
import redoubt.testkit.Seed;

/** Who may write beside whom. */
class WriteOrderTest {

    private static final int BAND = 4096;

    private final IoRequestPool pool = new IoRequestPool(256);
    private final WriteOrder order = new WriteOrder();

    private IoRequest write(long offset, long length) {
        assertThat(pool.reserve(1)).isTrue();
        return pool.take().prepare(IoOperation.WRITE_ZEROES, offset, length, 0, null, 0, ended -> {});
    }

    /** Goal: the heads of a run are found all, each once, in rising order. Method: against a set. */
    @Test
    void headsOfARunCome() {
        long seed = Seed.next();
        Random random = new Random(seed);
        for (int round = 0; round < 2000; round++) {
            long first = random.nextLong(1L << 40) >>> random.nextInt(40);
            long last = first + (random.nextInt(20_000) >>> random.nextInt(15));
            TreeSet<Integer> wanted = new TreeSet<>();
            for (long band = first; band <= last; band++) {
                wanted.add(WriteOrder.headOf(band));
            }
            TreeSet<Integer> found = new TreeSet<>();
            for (int head = WriteOrder.next(first, last, 0);
                    head < WriteOrder.HEADS;
                    head = WriteOrder.next(first, last, head + 1)) {
                assertThat(found.add(head)).isTrue();
            }
            assertThat(found).as("bands %d to %d, seed %d", first, last, seed).isEqualTo(wanted);
        }
    }

    @Test
    void neighboursGoSideBySide() {
        for (int i = 0; i < 32; i++) {
            assertThat(order.enter(write((long) i * BAND, BAND))).isTrue();
        }
    }

    @Test
    void whoOverlapsIsParkedAndComesInTheOrderOfArrival() {
        IoRequest holder = write(BAND, 3 * BAND);
        IoRequest left = write(0, 2 * BAND);
        IoRequest within = write(2 * BAND + 512, 512);
        IoRequest late = write(0, 8 * BAND);
        assertThat(order.enter(holder)).isTrue();
        assertThat(order.enter(left)).isFalse();
        assertThat(order.enter(within)).isFalse();
        assertThat(order.enter(late)).isFalse();

        IoRequest ready = order.leave(holder, null);
        assertThat(ready).isSameAs(left);
        assertThat(left.next).isSameAs(within);
        assertThat(within.next).isNull();
        left.next = null;
        assertThat(order.leave(within, null)).isNull();
        assertThat(order.leave(left, null)).isSameAs(late);
        assertThat(order.leave(late, null)).isNull();
        assertThat(order.idle()).isTrue();
    }

    /** Goal: at no moment two that overlap are inside, and nobody stays parked. Method: threads that carry on whoever they let in. */
    @Test
    void fromManyThreadsNoTwoThatOverlapAreInside() throws InterruptedException {
        long seed = Seed.next();
        int bands = 16;
        AtomicInteger[] inside = new AtomicInteger[bands];
        for (int i = 0; i < bands; i++) {
            inside[i] = new AtomicInteger();
        }
        AtomicInteger done = new AtomicInteger();
        AtomicInteger met = new AtomicInteger();
        int threads = 4;
        int each = 4_000;
        Thread[] all = new Thread[threads];
        for (int t = 0; t < threads; t++) {
            Random random = new Random(seed + t);
            all[t] = Thread.ofPlatform().daemon(true).start(() -> {
                for (int i = 0; i < each; i++) {
                    while (!pool.reserve(1)) {
                        Thread.onSpinWait();
                    }
                    int first = random.nextInt(bands);
                    int count = 1 + random.nextInt(bands - first);
                    IoRequest own = pool.take()
                            .prepare(
                                    IoOperation.WRITE_ZEROES,
                                    (long) first * BAND,
                                    (long) count * BAND,
                                    0,
                                    null,
                                    0,
                                    ended -> {});
                    carry(order.enter(own) ? own : null, inside, met, done);
                }
            });
        }
        for (Thread thread : all) {
            thread.join(60_000);
            assertThat(thread.isAlive())
                    .as("%d are done, seed %d", done.get(), seed)
                    .isFalse();
        }
        assertThat(met.get()).as("seed %d", seed).isZero();
        assertThat(done.get()).as("seed %d", seed).isEqualTo(threads * each);
        assertThat(order.idle()).isTrue();
    }

    private void carry(@Nullable IoRequest first, AtomicInteger[] inside, AtomicInteger met, AtomicInteger done) {
        IoRequest ready = first;
        if (ready != null) {
            ready.next = null;
        }
        while (ready != null) {
            IoRequest younger = ready.next;
            ready.next = null;
            int low = (int) (ready.offset() / BAND);
            int high = low + (int) (ready.length() / BAND);
            for (int band = low; band < high; band++) {
                if (inside[band].getAndIncrement() != 0) {
                    met.getAndIncrement();
                }
            }
            Thread.onSpinWait();
            for (int band = low; band < high; band++) {
                inside[band].getAndDecrement();
            }
            IoRequest over = ready;
            ready = order.leave(over, younger);
            done.getAndIncrement();
            over.complete(IoStatus.OK);
            over.free();
        }
    }
}

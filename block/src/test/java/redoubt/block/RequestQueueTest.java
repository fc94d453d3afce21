package redoubt.block;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Test;

/** The queue of a lane loses nothing, doubles nothing, and refuses nothing. */
class RequestQueueTest {

    /** Goal: more than the ring holds waits in the spill and comes out, the ring's own first. */
    @Test
    void spillsBeyondItsRing() {
        RequestQueue queue = new RequestQueue(4);
        IoRequestPool pool = new IoRequestPool(10);
        assertThat(pool.reserve(10)).isTrue();
        for (int i = 0; i < 10; i++) {
            IoRequest request = pool.take();
            request.cookie = i;
            request.acceptedNanos = 100L + i;
            queue.put(request);
        }
        assertThat(queue.oldestNanos(-1)).isEqualTo(100);
        List<Long> order = new ArrayList<>();
        for (IoRequest request = queue.take(); request != null; request = queue.take()) {
            order.add(request.cookie);
        }
        assertThat(order).hasSize(10).startsWith(0L, 1L, 2L, 3L).doesNotHaveDuplicates();
        assertThat(queue.oldestNanos(-1)).isEqualTo(-1);
    }

    /** Goal: with many putting in and many taking out, through a ring far too small, every request comes out exactly once. */
    @Test
    void keepsEveryRequestUnderContention() throws Exception {
        int threads = 3;
        int each = 5_000;
        RequestQueue queue = new RequestQueue(4);
        IoRequestPool pool = new IoRequestPool(64);
        AtomicInteger[] seen = new AtomicInteger[threads * each];
        for (int i = 0; i < seen.length; i++) {
            seen[i] = new AtomicInteger();
        }
        AtomicInteger out = new AtomicInteger();
        List<Thread> running = new ArrayList<>();
        for (int t = 0; t < threads; t++) {
            int first = t * each;
            running.add(Thread.ofPlatform().start(() -> {
                for (int i = 0; i < each; i++) {
                    while (!pool.reserve(1)) {
                        LockSupport.parkNanos(1);
                    }
                    IoRequest request = pool.take().prepare(IoOperation.FLUSH, 0, 0, 0, null, 0, IoRequest::free);
                    request.cookie = (long) first + i;
                    queue.put(request);
                }
            }));
            running.add(Thread.ofPlatform().start(() -> {
                while (out.get() < seen.length) {
                    IoRequest request = queue.take();
                    if (request == null) {
                        LockSupport.parkNanos(1);
                    } else {
                        seen[(int) request.cookie].incrementAndGet();
                        out.incrementAndGet();
                        request.complete(IoStatus.OK);
                    }
                }
            }));
        }
        for (Thread thread : running) {
            thread.join();
        }
        assertThat(seen).allMatch(count -> count.get() == 1);
        assertThat(pool.free()).isEqualTo(pool.total());
        assertThat(queue.take()).isNull();
    }
}

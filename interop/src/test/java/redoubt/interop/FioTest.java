package redoubt.interop;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * fio verifies what it wrote, over four connections, on each level: on an array that loses a member half-way, and on one
 * that is degraded from the start. All of them run beside each other, so that a minute for each level is a minute for all. How
 * long is a matter of properties: {@code redoubt.fio.seconds} is some seconds at the desk and a minute in the whole build;
 * {@code redoubt.fio.soak.seconds} is an hour.
 */
@Interop
class FioTest {
    private static final int SECONDS = Integer.getInteger("redoubt.fio.seconds", 10);
    private static final int SOAK_SECONDS = Integer.getInteger("redoubt.fio.soak.seconds", 3600);
    private static final int LOST = 1;

    @BeforeAll
    static void needsFio() {
        Peer.require(Peer.FIO, Peer.NBDINFO);
    }

    @Test
    @Timeout(value = 30, unit = TimeUnit.MINUTES)
    void verifiesEveryBlock() throws Exception {
        verifyEveryLevel(SECONDS);
    }

    @Tag("soak")
    @Test
    @Timeout(value = 2, unit = TimeUnit.HOURS)
    void verifiesEveryBlockForAnHour() throws Exception {
        verifyEveryLevel(SOAK_SECONDS);
    }

    private static void verifyEveryLevel(int seconds) throws Exception {
        List<Export> exports = Export.all().toList();
        CountDownLatch starting = new CountDownLatch(exports.size());
        try (ExecutorService threads = Executors.newFixedThreadPool(exports.size())) {
            List<Future<?>> works = new ArrayList<>();
            for (Export export : exports) {
                works.add(threads.submit(() -> {
                    verify(export, seconds, starting);
                    return export;
                }));
            }
            for (Future<?> work : works) {
                result(work);
            }
        }
    }

    private static void verify(Export export, int seconds, CountDownLatch starting) throws Exception {
        try (Scratch scratch = Scratch.make();
                RedoubtProcess served = serve(export, scratch, starting);
                ExecutorService threads = Executors.newSingleThreadExecutor()) {
            // A server that starts beside six fios takes very long.
            starting.await();
            ClientChecks checks = new ClientChecks(served.uri(RedoubtArray.VOLUME), RedoubtArray.VOLUME, scratch);
            Future<ClientChecks.FioJob> fio = threads.submit(() -> checks.fioVerifies(seconds, 1));
            if (export.level().isRedundant && !export.isDegraded()) {
                // fio must not notice. Where it ended early it failed, and says so below.
                Await.until("half of the work", Duration.ofSeconds(seconds + 60L), elapsed(seconds / 2, fio));
                Redoubt.in(scratch)
                        .command(
                                "fail",
                                "--control",
                                served.control().toString(),
                                RedoubtArray.VOLUME,
                                LinuxGuest.device(LOST))
                        .run()
                        .mustSucceed();
            }
            ClientChecks.FioJob done = result(fio);
            System.err.printf("fio on %s: %d writes, %d verified reads%n", export, done.writes(), done.reads());
            served.stop().mustSucceed();
        }
    }

    private static RedoubtProcess serve(Export export, Scratch scratch, CountDownLatch starting) {
        try {
            return export.serve(scratch);
        } finally {
            starting.countDown();
        }
    }

    private static Await.Condition elapsed(long seconds, Future<?> orDone) {
        long start = System.nanoTime();
        return () -> System.nanoTime() - start > Duration.ofSeconds(seconds).toNanos() || orDone.isDone();
    }

    /** Waits for a work of another thread, and throws as our own what it threw. */
    private static <T> T result(Future<T> work) throws Exception {
        try {
            return work.get();
        } catch (ExecutionException e) {
            if (e.getCause() instanceof Error error) {
                throw error;
            }
            if (e.getCause() instanceof RuntimeException exception) {
                throw exception;
            }
            throw e;
        }
    }
}

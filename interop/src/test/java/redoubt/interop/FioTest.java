package redoubt.interop;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * fio verifies what it wrote, over four connections, on each level: on an array that loses a member half-way, and on one
 * that is degraded from the start. Both run at the same time, and two levels beside each other, so that a minute for each
 * level is two minutes for all. How long is a matter of properties: {@code redoubt.fio.seconds} is some seconds at the desk
 * and a minute in the whole build; {@code redoubt.fio.soak.seconds} is an hour, for all levels beside each other.
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

    /** Two levels at a time: as many as two processors can keep busy. */
    static Stream<List<Level>> pairs() {
        return Stream.of(List.of(Level.RAID0, Level.RAID10), List.of(Level.RAID1, Level.RAID5));
    }

    @ParameterizedTest
    @MethodSource("pairs")
    @Timeout(value = 30, unit = TimeUnit.MINUTES)
    void verifiesEveryBlock(List<Level> levels) throws Exception {
        verify(levels, SECONDS);
    }

    /** All levels side by side, so that the hour is one hour. */
    @Tag("soak")
    @Test
    @Timeout(value = 2, unit = TimeUnit.HOURS)
    void verifiesEveryBlockForAnHour() throws Exception {
        verify(List.of(Level.values()), SOAK_SECONDS);
    }

    private static void verify(List<Level> levels, int seconds) throws Exception {
        List<Export> exports =
                Export.all().filter(export -> levels.contains(export.level())).toList();
        try (ExecutorService threads = Executors.newFixedThreadPool(exports.size())) {
            List<Future<?>> works = new ArrayList<>();
            for (Export export : exports) {
                works.add(threads.submit(() -> {
                    verify(export, seconds);
                    return export;
                }));
            }
            for (Future<?> work : works) {
                result(work);
            }
        }
    }

    private static void verify(Export export, int seconds) throws Exception {
        try (Scratch scratch = Scratch.make();
                RedoubtProcess served = export.serve(scratch);
                ExecutorService threads = Executors.newSingleThreadExecutor()) {
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

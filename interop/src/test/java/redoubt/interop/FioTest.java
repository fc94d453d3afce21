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
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.EnumSource.Mode;

/**
 * fio verifies what it wrote, over four connections, on each level, healthy and degraded at the same time. How long is a
 * matter of the property {@code redoubt.fio.seconds}: some seconds at the desk, a minute in the whole build, an hour
 * ({@code redoubt.fio.soak.seconds}) where there is time.
 */
@Interop
class FioTest {
    private static final int SECONDS = Integer.getInteger("redoubt.fio.seconds", 10);
    private static final int SOAK_SECONDS = Integer.getInteger("redoubt.fio.soak.seconds", 3600);
    private static final int SECONDS_WITH_A_FAILURE = Math.min(SECONDS, 10);
    private static final int LOST = 1;

    @BeforeAll
    static void needsFio() {
        Peer.require(Peer.FIO, Peer.NBDINFO);
    }

    @ParameterizedTest
    @EnumSource
    @Timeout(value = 30, unit = TimeUnit.MINUTES)
    void verifiesEveryBlock(Level level) throws Exception {
        verify(level, SECONDS);
    }

    @Tag("soak")
    @ParameterizedTest
    @EnumSource
    @Timeout(value = 3, unit = TimeUnit.HOURS)
    void verifiesEveryBlockForAnHour(Level level) throws Exception {
        verify(level, SOAK_SECONDS);
    }

    /** A member is failed in the middle of the work, and fio must not notice. */
    @ParameterizedTest
    @EnumSource(mode = Mode.EXCLUDE, names = "RAID0")
    void doesNotNoticeAFailure(Level level) throws Exception {
        try (Scratch scratch = Scratch.make()) {
            RedoubtArray array = RedoubtArray.create(scratch, level, "--assume-clean");
            try (RedoubtProcess served = array.serve();
                    ExecutorService threads = Executors.newSingleThreadExecutor()) {
                ClientChecks checks = new ClientChecks(served.uri(RedoubtArray.VOLUME), RedoubtArray.VOLUME, scratch);
                Future<?> fio = threads.submit(() -> checks.fioVerifies(SECONDS_WITH_A_FAILURE, 1));
                // Half of the time is enough for work to be under way; ending early means that fio failed.
                Await.until(
                        "half of the work",
                        Duration.ofMinutes(1),
                        elapsed(Duration.ofSeconds(SECONDS_WITH_A_FAILURE).dividedBy(2), fio));
                array.redoubt()
                        .command(
                                "fail",
                                "--control",
                                served.control().toString(),
                                RedoubtArray.VOLUME,
                                LinuxGuest.device(LOST))
                        .run()
                        .mustSucceed();
                result(fio);
                served.stop().mustSucceed();
            }
        }
    }

    private static Await.Condition elapsed(Duration wanted, Future<?> orDone) {
        long start = System.nanoTime();
        return () -> System.nanoTime() - start > wanted.toNanos() || orDone.isDone();
    }

    private static void verify(Level level, int seconds) throws Exception {
        List<Export> exports = Stream.of(new Export(level, false), new Export(level, true))
                .filter(export -> level.isRedundant || !export.isDegraded())
                .toList();
        try (ExecutorService threads = Executors.newFixedThreadPool(exports.size())) {
            List<Future<?>> works = new ArrayList<>();
            for (Export export : exports) {
                works.add(threads.submit(() -> verify(export, seconds)));
            }
            for (Future<?> work : works) {
                result(work);
            }
        }
    }

    private static void verify(Export export, int seconds) {
        try (Scratch scratch = Scratch.make();
                RedoubtProcess served = export.serve(scratch)) {
            ClientChecks checks = new ClientChecks(served.uri(RedoubtArray.VOLUME), RedoubtArray.VOLUME, scratch);
            ClientChecks.FioJob done = checks.fioVerifies(seconds, 1);
            System.err.printf("fio on %s: %d writes, %d verified reads%n", export, done.writes(), done.reads());
            served.stop().mustSucceed();
        }
    }

    /** Waits for a work of another thread, and throws as our own what it threw. */
    private static void result(Future<?> work) throws Exception {
        try {
            work.get();
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

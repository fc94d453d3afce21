package redoubt.kernfs;

import static java.util.concurrent.TimeUnit.SECONDS;
import static org.assertj.core.api.Assertions.assertThat;

import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import redoubt.base.Threads;

/**
 * A watcher learns of every change: the rules of poll on sysfs (Linux, fs/kernfs/file.c, kernfs_generic_poll and kernfs_notify), and that
 * telling it costs nothing.
 */
class KernfsWatchTest {

    private final KernfsDirectory root = KernfsDirectory.root();
    private final AtomicInteger value = new AtomicInteger();
    private final KernfsAttribute attribute = KernfsAttribute.readWrite(
                    "array_state", out -> out.append(value.get()).line(), text -> {
                        value.incrementAndGet();
                        return Outcome.OK;
                    })
            .preallocated();

    @BeforeEach
    void plant() throws NodeRefused {
        root.add(attribute);
    }

    @Test
    void aChangeBetweenReadAndPollFiresAtOnce() throws NodeRefused {
        OpenFile file = readOnce();
        assertThat(fires(file)).isFalse();
        attribute.notifyChange();
        assertThat(fires(file)).isTrue();
        assertThat(fires(file)).as("poll itself notes nothing").isTrue();
        read(file);
        assertThat(fires(file)).isFalse();
    }

    @Test
    void aChangeDuringShowFiresAtTheNextPoll() throws NodeRefused {
        KernfsAttribute[] self = new KernfsAttribute[1];
        KernfsAttribute restless = KernfsAttribute.readOnly("restless", out -> {
            self[0].notifyChange();
            return out.append("old").line();
        });
        self[0] = restless;
        root.add(restless);
        OpenFile file = restless.open(Access.READ);
        read(file);
        assertThat(fires(file)).isTrue();
    }

    @Test
    void twoChangesAreOneEventAndTheFileKnowsHowMany() throws NodeRefused {
        OpenFile file = readOnce();
        attribute.notifyChange();
        attribute.notifyChange();
        assertThat(file.eventsMissed()).isEqualTo(2);
        read(file);
        assertThat(fires(file)).isFalse();
        assertThat(file.eventsMissed()).isZero();
    }

    @Test
    void twoFilesOnOneAttributeEachGetTheEvent() throws NodeRefused {
        OpenFile one = readOnce();
        OpenFile two = readOnce();
        attribute.notifyChange();
        read(one);
        assertThat(fires(one)).isFalse();
        assertThat(fires(two)).isTrue();
    }

    @Test
    void aFreshlyOpenedFileFiresAtFirst() throws NodeRefused {
        readOnce().close();
        assertThat(fires(attribute.open(Access.READ))).isTrue();
    }

    @Test
    void readingOnFromTheEndNotesNothing() throws NodeRefused {
        OpenFile file = readOnce();
        attribute.notifyChange();
        assertThat(file.read(2, ByteBuffer.allocate(16))).isZero();
        assertThat(fires(file)).isTrue();
    }

    @Test
    void aWatcherIsToldInlineOnTheNotifiersThread() throws NodeRefused {
        OpenFile file = readOnce();
        Thread[] toldOn = new Thread[1];
        file.watch(changed -> toldOn[0] = Thread.currentThread());
        attribute.notifyChange();
        assertThat(toldOn[0]).isSameAs(Thread.currentThread());
    }

    /** Goal: read, poll, read loses no event. Method: one or eight notifiers make a million changes, one slow reader sees the last. */
    @ParameterizedTest
    @ValueSource(ints = {1, 8})
    void noLastEventIsLost(int notifiers) throws Exception {
        int changes = 1_000_000 / notifiers;
        OpenFile file = attribute.open(Access.READ);
        CountDownLatch seenLast = new CountDownLatch(1);
        AtomicLong seen = new AtomicLong();
        Thread reading = Threads.start("reading", () -> {
            while (seen.get() < (long) changes * notifiers) {
                if (!file.awaitChange(SECONDS.toNanos(60))) {
                    return;
                }
                seen.set(Long.parseLong(read(file).strip()));
            }
            seenLast.countDown();
        });
        for (int n = 0; n < notifiers; n++) {
            Threads.start("notifying", () -> {
                for (int i = 1; i <= changes; i++) {
                    value.incrementAndGet();
                    attribute.notifyChange();
                }
            });
        }
        assertThat(seenLast.await(60, SECONDS))
                .as("last value seen: %d", seen.get())
                .isTrue();
        reading.join(10_000);
    }

    @Test
    void awaitGivesUpAtItsLimit() throws NodeRefused {
        assertThat(readOnce().awaitChange(1_000_000)).isFalse();
    }

    @Test
    void notifyShowAndStoreAllocateNothing() throws NodeRefused {
        com.sun.management.ThreadMXBean threads = (com.sun.management.ThreadMXBean) ManagementFactory.getThreadMXBean();
        OpenFile file = attribute.open(Access.READ_WRITE);
        AtomicInteger told = new AtomicInteger();
        file.watch(changed -> told.getAndIncrement());
        ByteBuffer target = ByteBuffer.allocate(64);
        ByteBuffer word = ByteBuffer.wrap("active\n".getBytes(StandardCharsets.UTF_8));
        long before = 0;
        int rounds = 20_000;
        for (int i = 0; i < rounds; i++) {
            if (i == rounds / 2) {
                before = threads.getCurrentThreadAllocatedBytes();
            }
            attribute.notifyChange();
            target.clear();
            file.read(0, target);
            word.rewind();
            file.write(word);
        }
        long allocated = threads.getCurrentThreadAllocatedBytes() - before;
        assertThat(allocated).isLessThan(rounds / 2); // exactly nothing: KernfsAllocationTest
        assertThat(told.get()).isEqualTo(rounds);
    }

    private OpenFile readOnce() throws NodeRefused {
        OpenFile file = attribute.open(Access.READ);
        read(file);
        return file;
    }

    private static boolean fires(OpenFile file) {
        int bits = file.poll();
        assertThat(bits & (OpenFile.POLL_IN | OpenFile.POLL_OUT)).isEqualTo(OpenFile.POLL_IN | OpenFile.POLL_OUT);
        assertThat((bits & OpenFile.POLL_PRI) != 0).isEqualTo((bits & OpenFile.POLL_ERR) != 0);
        return (bits & OpenFile.POLL_PRI) != 0;
    }

    private static String read(OpenFile file) {
        ByteBuffer target = ByteBuffer.allocate(4096);
        file.read(0, target);
        return StandardCharsets.UTF_8.decode(target.flip()).toString();
    }
}

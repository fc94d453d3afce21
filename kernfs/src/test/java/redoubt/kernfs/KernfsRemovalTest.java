package redoubt.kernfs;

import static java.util.concurrent.TimeUnit.SECONDS;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.ByteBuffer;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;
import redoubt.base.Threads;

/** No operation of a node runs after its removal has returned, and no removal returns while one runs. */
class KernfsRemovalTest {

    private static ByteBuffer value(String text) {
        return ByteBuffer.wrap(text.getBytes(java.nio.charset.StandardCharsets.UTF_8));
    }

    private final KernfsDirectory root = KernfsDirectory.root();

    /**
     * Goal: a node goes only when nobody is inside (Linux, fs/kernfs/dir.c, kernfs_drain). Method: a store is held up by a latch while
     * others remove and store.
     */
    @Test
    void removalWaitsForAStoreAndRefusesTheNext() throws Exception {
        CountDownLatch inside = new CountDownLatch(1);
        CountDownLatch letGo = new CountDownLatch(1);
        KernfsAttribute attribute = KernfsAttribute.writeOnly("knob", text -> {
            inside.countDown();
            await(letGo);
            return Outcome.OK;
        });
        KernfsDirectory directory = new KernfsDirectory("md", attribute);
        root.add(directory);
        OpenFile first = attribute.open(Access.WRITE);
        OpenFile second = attribute.open(Access.WRITE);
        AtomicInteger stored = new AtomicInteger();
        Thread storing = Threads.start("storing", () -> stored.set(first.write(value("1"))));
        await(inside);

        CountDownLatch removed = new CountDownLatch(2);
        Runnable remove = () -> {
            directory.remove();
            removed.countDown();
        };
        Threads.start("removing", remove);
        Threads.start("removing too", remove);
        while (attribute.isActive()) {
            Thread.onSpinWait();
        }

        assertThat(second.write(value("2"))).isEqualTo(OpenFile.REFUSED);
        assertThat(second.refusal().errno()).isEqualTo(Errno.ENODEV);
        assertThat(removed.await(50, java.util.concurrent.TimeUnit.MILLISECONDS))
                .isFalse();
        assertThat(removed.getCount()).isEqualTo(2);

        letGo.countDown();
        await(removed);
        storing.join(10_000);
        assertThat(stored.get()).isEqualTo(1);
        assertThat(root.children()).isEmpty();
        assertThat(first.write(value("3"))).isEqualTo(OpenFile.REFUSED);
    }

    @Test
    void anOperationThatRemovesItsOwnNodeIsFoundOutBeforeAnythingIsChanged() throws Exception {
        KernfsDirectory directory = new KernfsDirectory("md");
        KernfsAttribute attribute = KernfsAttribute.writeOnly("remove", text -> {
            directory.remove();
            return Outcome.OK;
        });
        directory.add(attribute);
        root.add(directory);
        OpenFile file = attribute.open(Access.WRITE);

        assertThatThrownBy(() -> file.write(value("1")))
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("removeSelf");
        assertThat(attribute.isActive()).isTrue();
        assertThat(root.find("md/remove")).isSameAs(attribute);
    }

    @Test
    void oneOfTwoThatRemoveFromWithinWinsAndTheOtherWaitsForItsWholeOperation() throws Exception {
        AtomicReference<OpenFile> firstFile = new AtomicReference<>();
        AtomicReference<OpenFile> secondFile = new AtomicReference<>();
        CountDownLatch bothInside = new CountDownLatch(2);
        CountDownLatch winnerMayEnd = new CountDownLatch(1);
        CountDownLatch won = new CountDownLatch(1);
        CountDownLatch lost = new CountDownLatch(1);
        KernfsAttribute attribute = KernfsAttribute.writeOnly("remove", text -> {
            OpenFile file = text.is("1") ? firstFile.get() : secondFile.get();
            bothInside.countDown();
            await(bothInside);
            if (file.removeSelf()) {
                won.countDown();
                await(winnerMayEnd);
            } else {
                lost.countDown();
            }
            return Outcome.OK;
        });
        root.add(attribute);
        firstFile.set(attribute.open(Access.WRITE));
        secondFile.set(attribute.open(Access.WRITE));
        Thread one = Threads.start("one", () -> firstFile.get().write(value("1")));
        Thread two = Threads.start("two", () -> secondFile.get().write(value("2")));

        await(won);
        assertThat(root.children()).isEmpty();
        assertThat(lost.await(50, java.util.concurrent.TimeUnit.MILLISECONDS)).isFalse();
        winnerMayEnd.countDown();
        await(lost);
        one.join(10_000);
        two.join(10_000);
    }

    @Test
    void openFilesStayOpenAndAnswerThatTheNodeIsGone() throws Exception {
        KernfsAttribute attribute =
                KernfsAttribute.readOnly("state", out -> out.append("clean").line());
        root.add(attribute);
        OpenFile file = attribute.open(Access.READ);
        ByteBuffer target = ByteBuffer.allocate(64);
        assertThat(file.read(0, target)).isEqualTo(6);
        AtomicInteger told = new AtomicInteger();
        file.watch(changed -> told.incrementAndGet());

        attribute.remove();

        assertThat(told.get()).isEqualTo(1);
        assertThat(file.poll() & OpenFile.POLL_PRI).isNotZero();
        assertThat(file.poll() & OpenFile.POLL_ERR).isNotZero();
        assertThat(file.read(0, target)).isEqualTo(OpenFile.REFUSED);
        assertThat(file.refusal().errno()).isEqualTo(Errno.ENODEV);
        assertThatThrownBy(() -> attribute.open(Access.READ)).isInstanceOf(NodeRefused.class);
        file.close();
    }

    @Test
    void nothingIsAddedToADirectoryThatWasRemoved() throws Exception {
        KernfsDirectory directory = new KernfsDirectory("md");
        root.add(directory);
        directory.remove();

        assertThatThrownBy(() -> directory.add(new KernfsDirectory("dev-sda")))
                .isInstanceOfSatisfying(
                        NodeRefused.class,
                        refused -> assertThat(refused.errno()).isEqualTo(Errno.ENOENT));
        root.add(new KernfsDirectory("md"));
    }

    /** Goal: no node is left behind that can still be used. Method: many add while one removes; each addition ends either way. */
    @Test
    void anAdditionThatRacesWithRemovalEndsOneWayOrTheOther() throws Exception {
        for (int round = 0; round < 500; round++) {
            KernfsDirectory directory = new KernfsDirectory("md");
            root.add(directory);
            KernfsAttribute attribute =
                    KernfsAttribute.readOnly("late", out -> out.append("x").line());
            KernfsDirectory subtree = new KernfsDirectory("dev", attribute);
            Thread adding = Threads.start("adding", () -> {
                try {
                    directory.add(subtree);
                } catch (NodeRefused refused) {
                    assertThat(refused.errno()).isEqualTo(Errno.ENOENT);
                }
            });
            directory.remove();
            adding.join(10_000);
            assertThat(attribute.isActive()).isFalse();
            assertThat(subtree.isActive()).isFalse();
        }
    }

    @Test
    void theRootStays() {
        assertThatThrownBy(root::remove).isInstanceOf(IllegalStateException.class);
    }

    private static void await(CountDownLatch latch) {
        try {
            assertThat(latch.await(10, SECONDS)).isTrue();
        } catch (InterruptedException interrupted) {
            throw new AssertionError(interrupted);
        }
    }
}

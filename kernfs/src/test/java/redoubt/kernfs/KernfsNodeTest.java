package redoubt.kernfs;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.ThrowingSupplier;
import redoubt.base.Threads;

/** The life of a node: appearing, moving, hiding, going; and what those who are inside may do. */
class KernfsNodeTest {

    private static final long A_MOMENT_NANOS = 20_000_000;

    private final KernfsTree tree = new KernfsTree(KernfsOptions.pollersOnly());
    private final KernfsDirectory root = tree.root();

    private static void assertRefused(Errno errno, ThrowingSupplier<?> asked) {
        assertThatThrownBy(asked::get)
                .isInstanceOfSatisfying(
                        NodeRefused.class,
                        refused -> assertThat(refused.errno()).isEqualTo(errno));
    }

    private static Object renamed(KernfsNode node, KernfsDirectory directory, String name) throws NodeRefused {
        node.rename(directory, name);
        return node;
    }

    @Test
    void inv1ANodeGoesThroughItsStatesInOrder() throws Exception {
        CountDownLatch inside = new CountDownLatch(1);
        CountDownLatch letGo = new CountDownLatch(1);
        KernfsAttribute knob = KernfsAttribute.writeOnly("knob", value -> {
            inside.countDown();
            KernfsInvariants.await(letGo);
            return Outcome.OK;
        });
        assertThat(knob.state()).isEqualTo(NodeState.UNACTIVATED);
        assertThat(knob.id()).isZero();
        assertRefused(Errno.ENODEV, () -> knob.open(Access.WRITE));
        root.add(knob);
        assertThat(knob.state()).isEqualTo(NodeState.ACTIVE);
        OpenFile file = knob.open(Access.WRITE);
        Thread storing = Threads.start("storing", () -> file.write(KernfsInvariants.bytes("1")));
        KernfsInvariants.await(inside);
        assertThat(knob.remove(A_MOMENT_NANOS)).as("somebody is inside").isFalse();
        assertThat(knob.state()).isEqualTo(NodeState.REMOVING);
        assertThat(root.child("knob")).isEmpty();
        assertRefused(Errno.ENODEV, () -> knob.open(Access.WRITE));
        letGo.countDown();
        KernfsInvariants.join(storing);
        assertThat(knob.remove(Long.MAX_VALUE)).isTrue();
        assertThat(knob.state()).isEqualTo(NodeState.UNLINKED);
        assertThatThrownBy(() -> root.add(knob)).isInstanceOf(IllegalStateException.class);
    }

    @Test
    void idsAreGivenOnceAndTheRootIsTheFirst() throws Exception {
        assertThat(root.id()).isEqualTo(1);
        List<Long> ids = new ArrayList<>();
        for (int i = 0; i < 10; i++) {
            KernfsAttribute leaf = KernfsInvariants.value("leaf");
            KernfsDirectory directory = new KernfsDirectory("d", leaf);
            root.add(directory);
            ids.add(directory.id());
            ids.add(leaf.id());
            directory.remove();
        }
        assertThat(ids).doesNotHaveDuplicates().doesNotContain(0L, 1L).isSorted();
        assertThat(root.revision()).isEqualTo(20);
    }

    @Test
    void aTreeThatMakesNodesUnactivatedShowsThemWhenTold() throws Exception {
        KernfsTree later = new KernfsTree(KernfsOptions.pollersOnly().creatingUnactivated());
        KernfsAttribute leaf = KernfsInvariants.value("leaf");
        KernfsDirectory directory = new KernfsDirectory("d", leaf);
        later.root().add(directory);
        assertThat(later.root().children()).isEmpty();
        assertThatThrownBy(() -> later.root().add(new KernfsDirectory("d"))).isInstanceOf(NodeRefused.class);
        directory.activate();
        assertThat(later.root().find("d/leaf")).isSameAs(leaf);
        KernfsAttribute more = KernfsInvariants.value("more");
        directory.add(more);
        assertThat(directory.child("more")).isEmpty();
        later.root().activate();
        assertThat(directory.child("more")).contains(more);
        assertThatThrownBy(() -> KernfsInvariants.value("alone").activate()).isInstanceOf(IllegalStateException.class);
    }

    @Test
    void anUnactivatedNodeCanBeRemovedAndDoesNotAppearAfterwards() throws Exception {
        KernfsTree later = new KernfsTree(KernfsOptions.pollersOnly().creatingUnactivated());
        KernfsAttribute leaf = KernfsInvariants.value("leaf");
        later.root().add(leaf);
        leaf.remove();
        leaf.activate();
        assertThat(leaf.state()).isEqualTo(NodeState.UNLINKED);
        KernfsAttribute never = KernfsInvariants.value("never");
        never.remove();
        assertRefused(Errno.ENOENT, () -> {
            root.add(never);
            return never;
        });
        assertThat(root.children()).isEmpty();
    }

    // ---------------------------------------------------------------------------------------------- renaming

    @Test
    void aRenamedNodeIsFoundUnderItsNewNameOnlyAndOpenFilesGoOn() throws Exception {
        KernfsAttribute leaf = KernfsInvariants.value("leaf");
        KernfsDirectory from = new KernfsDirectory("from", leaf);
        KernfsDirectory to = new KernfsDirectory("to");
        root.add(from);
        root.add(to);
        OpenFile file = leaf.open(Access.READ);
        leaf.rename(from, "twig");
        assertThat(root.find("from/twig")).isSameAs(leaf);
        assertRefused(Errno.ENOENT, () -> root.find("from/leaf"));
        leaf.rename(to, "leaf");
        assertThat(leaf.path()).isEqualTo("to/leaf");
        assertThat(from.children()).isEmpty();
        from.remove();
        assertThat(file.read(0, ByteBuffer.allocate(16))).isEqualTo(5);
        leaf.rename(to, "leaf");
        to.remove();
        assertThat(leaf.state()).isEqualTo(NodeState.UNLINKED);
    }

    @Test
    void whatCannotBeRenamedIsRefusedInTheKernelsWords() throws Exception {
        KernfsDirectory inner = new KernfsDirectory("inner");
        KernfsDirectory outer = new KernfsDirectory("outer", inner);
        KernfsAttribute leaf = KernfsInvariants.value("leaf");
        root.add(outer);
        root.add(leaf);
        assertRefused(Errno.EINVAL, () -> renamed(root, outer, "root"));
        assertRefused(Errno.EINVAL, () -> renamed(outer, inner, "loop"));
        assertRefused(Errno.EINVAL, () -> renamed(outer, outer, "loop"));
        assertRefused(Errno.EINVAL, () -> renamed(leaf, KernfsDirectory.root(), "leaf"));
        assertRefused(Errno.EINVAL, () -> renamed(KernfsInvariants.value("unplanted"), outer, "x"));
        assertRefused(Errno.EEXIST, () -> renamed(leaf, root, "outer"));
        assertThatThrownBy(() -> leaf.rename(root, "a/b")).isInstanceOf(IllegalArgumentException.class);
        inner.remove();
        assertRefused(Errno.ENOENT, () -> renamed(leaf, inner, "leaf"));
        assertRefused(Errno.ENOENT, () -> renamed(inner, root, "inner"));
        assertThat(leaf.path()).isEqualTo("leaf");
    }

    /**
     * Goal: nothing is left behind that can be used, and nothing is lost, when subtrees are moved into each other while they are removed. Method:
     * threads move and remove at random; then everything that is active is found in its place, and what was removed is unlinked.
     */
    @Test
    void renamesThatRaceWithRemovalsLeaveATree() throws Exception {
        long seed = Long.getLong("redoubt.seed", System.nanoTime());
        for (int round = 0; round < 200; round++) {
            List<KernfsDirectory> directories = new ArrayList<>();
            for (int i = 0; i < 6; i++) {
                KernfsDirectory directory =
                        new KernfsDirectory("d" + i, KernfsInvariants.value("leaf"), new KernfsDirectory("sub"));
                directories.add(directory);
                root.add(directory);
            }
            List<Thread> threads = new ArrayList<>();
            SplittableRandom seeds = new SplittableRandom(seed + round);
            for (int t = 0; t < 3; t++) {
                SplittableRandom random = seeds.split();
                boolean removes = t == 0;
                threads.add(Threads.start("mover", () -> {
                    for (int i = 0; i < 20; i++) {
                        KernfsDirectory one = directories.get(random.nextInt(6));
                        KernfsDirectory other = directories.get(random.nextInt(6));
                        if (removes && i % 5 == 0) {
                            one.remove();
                        } else {
                            try {
                                one.rename(random.nextInt(3) == 0 ? root : other, "n" + random.nextInt(20));
                            } catch (NodeRefused refused) {
                                assertThat(refused.errno()).isIn(Errno.EINVAL, Errno.ENOENT, Errno.EEXIST);
                            }
                        }
                    }
                }));
            }
            for (Thread thread : threads) {
                KernfsInvariants.join(thread);
            }
            for (KernfsDirectory directory : directories) {
                String what = "seed " + seed + " round " + round + ": " + directory.name() + " " + directory.state();
                if (directory.isActive()) {
                    assertThat(root.find(directory.path())).as(what).isSameAs(directory);
                    assertThat(directory.child("leaf")).as(what).isPresent();
                } else {
                    assertThat(directory.state()).as(what).isEqualTo(NodeState.UNLINKED);
                    assertThat(directory.children()).as(what).isEmpty();
                }
            }
            for (KernfsNode left : root.children()) {
                left.remove();
            }
            assertThat(root.children()).as("seed " + seed).isEmpty();
        }
    }

    // ---------------------------------------------------------------------------------------------- from within

    /** A store removes the directory that its own attribute is in: with the reference put back it may, and the attribute is gone after it. */
    @Test
    void whoPutsItsReferenceBackMayRemoveWhatItIsIn() throws Exception {
        KernfsDirectory array = new KernfsDirectory("md0");
        KernfsAttribute[] self = new KernfsAttribute[1];
        self[0] = KernfsAttribute.writeOnly("array_state", value -> {
            assertThatThrownBy(array::remove).isInstanceOf(IllegalStateException.class);
            self[0].withoutActiveReference(array::remove);
            return Outcome.OK;
        });
        array.add(self[0]);
        root.add(array);
        OpenFile file = self[0].open(Access.WRITE);
        assertThat(file.write(KernfsInvariants.bytes("clear"))).isEqualTo(5);
        assertThat(root.children()).isEmpty();
        assertThat(file.write(KernfsInvariants.bytes("clear"))).isEqualTo(OpenFile.REFUSED);
        assertThatThrownBy(() -> self[0].withoutActiveReference(() -> {}))
                .as("not from outside")
                .isInstanceOf(IllegalStateException.class);
    }

    @Test
    void anAttributeRemovesItselfWithoutKnowingItsFile() throws Exception {
        KernfsAttribute[] self = new KernfsAttribute[1];
        self[0] = KernfsAttribute.writeOnly("delete", value -> {
            assertThat(self[0].removeSelf()).isTrue();
            assertThat(root.children()).isEmpty();
            return Outcome.OK;
        });
        root.add(self[0]);
        assertThat(self[0].open(Access.WRITE).write(KernfsInvariants.bytes("1")))
                .isEqualTo(1);
        assertThatThrownBy(() -> self[0].removeSelf()).isInstanceOf(IllegalStateException.class);
        self[0].remove();
    }

    @Test
    void twoStoresThatRemoveEachOthersNodesDoNotHangForEver() throws Exception {
        CountDownLatch both = new CountDownLatch(2);
        KernfsAttribute[] nodes = new KernfsAttribute[2];
        boolean[] drained = new boolean[2];
        for (int i = 0; i < 2; i++) {
            int me = i;
            nodes[i] = KernfsAttribute.writeOnly("n" + i, value -> {
                both.countDown();
                KernfsInvariants.await(both);
                drained[me] = nodes[1 - me].remove(A_MOMENT_NANOS);
                return Outcome.OK;
            });
            root.add(nodes[i]);
        }
        List<Thread> threads = new ArrayList<>();
        for (KernfsAttribute node : nodes) {
            OpenFile file = node.open(Access.WRITE);
            threads.add(Threads.start("storing", () -> file.write(KernfsInvariants.bytes("1"))));
        }
        for (Thread thread : threads) {
            KernfsInvariants.join(thread);
        }
        assertThat(drained[0] && drained[1])
                .as("a circle of waits ends at its limit")
                .isFalse();
        nodes[0].remove();
        nodes[1].remove();
        assertThat(root.children()).isEmpty();
    }

    // ---------------------------------------------------------------------------------------------- hiding

    @Test
    void aHiddenAttributeIsNotFoundAndComesBack() throws Exception {
        CountDownLatch inside = new CountDownLatch(1);
        CountDownLatch letGo = new CountDownLatch(1);
        KernfsAttribute knob =
                KernfsAttribute.readWrite("knob", out -> out.append(1).line(), value -> {
                    inside.countDown();
                    KernfsInvariants.await(letGo);
                    return Outcome.OK;
                });
        root.add(knob);
        OpenFile file = knob.open(Access.READ);
        OpenFile writing = knob.open(Access.WRITE);
        Thread storing = Threads.start("storing", () -> writing.write(KernfsInvariants.bytes("1")));
        KernfsInvariants.await(inside);
        assertThat(knob.hide(A_MOMENT_NANOS)).as("somebody is inside").isFalse();
        assertThat(knob.state()).isEqualTo(NodeState.UNACTIVATED);
        letGo.countDown();
        KernfsInvariants.join(storing);
        assertThat(knob.hide(Long.MAX_VALUE)).isTrue();
        assertThat(root.children()).isEmpty();
        assertThat(file.read(0, ByteBuffer.allocate(16))).isEqualTo(OpenFile.REFUSED);
        assertThat(KernfsInvariants.fires(file)).isTrue();
        knob.reveal();
        knob.reveal();
        assertThat(root.children()).containsExactly(knob);
        assertThat(file.read(0, ByteBuffer.allocate(16))).isEqualTo(2);
        assertThat(knob.hide(Long.MAX_VALUE)).isTrue();
        knob.remove();
        knob.reveal();
        assertThat(knob.state()).isEqualTo(NodeState.UNLINKED);
    }

    // ---------------------------------------------------------------------------------------------- files

    @Test
    void whoOpenedIsReleasedOnceByWhicheverComesFirst() throws Exception {
        AtomicInteger opened = new AtomicInteger();
        AtomicInteger released = new AtomicInteger();
        AtomicBoolean refuse = new AtomicBoolean();
        AtomicReference<OpenFile> last = new AtomicReference<>();
        KernfsAttribute knob = KernfsInvariants.value("knob").hooked(new FileHook() {
            @Override
            public Outcome opened(OpenFile file) {
                opened.incrementAndGet();
                return refuse.get() ? Outcome.refused(Errno.EBUSY, "not now") : Outcome.OK;
            }

            @Override
            public void released(OpenFile file) {
                released.incrementAndGet();
                last.set(file);
            }
        });
        root.add(knob);
        OpenFile closed = knob.open(Access.READ);
        OpenFile kept = knob.open(Access.READ_WRITE);
        refuse.set(true);
        assertRefused(Errno.EBUSY, () -> knob.open(Access.READ));
        assertThat(opened.get()).isEqualTo(3);
        closed.close();
        closed.close();
        assertThat(released.get()).isEqualTo(1);
        assertThat(last.get()).isSameAs(closed);
        knob.hide(Long.MAX_VALUE);
        assertThat(released.get()).isEqualTo(2);
        knob.reveal();
        assertThat(kept.read(0, ByteBuffer.allocate(16)))
                .as("a released file stays so")
                .isEqualTo(OpenFile.REFUSED);
        assertThat(kept.write(KernfsInvariants.bytes("1"))).isEqualTo(OpenFile.REFUSED);
        knob.remove();
        kept.close();
        assertThat(released.get()).isEqualTo(2);
    }

    @Test
    void aValueThatIsTakenWholeIsRefusedWhenItIsTooLong() throws Exception {
        List<String> stored = new ArrayList<>();
        for (boolean preallocated : new boolean[] {false, true}) {
            KernfsAttribute small = KernfsAttribute.writeOnly("small-" + preallocated, value -> {
                        stored.add(value.text());
                        return Outcome.OK;
                    })
                    .takingWhole(8);
            KernfsAttribute knob = preallocated ? small.preallocated() : small;
            root.add(knob);
            OpenFile file = knob.open(Access.WRITE);
            assertThat(file.write(KernfsInvariants.bytes("12345678"))).isEqualTo(8);
            ByteBuffer long9 = KernfsInvariants.bytes("123456789");
            assertThat(file.write(long9)).isEqualTo(OpenFile.REFUSED);
            assertThat(file.refusal().errno()).isEqualTo(Errno.E2BIG);
            assertThat(long9.remaining()).as("nothing was taken").isEqualTo(9);
        }
        assertThat(stored).containsExactly("12345678", "12345678");
    }

    @Test
    void aFirstReadFurtherOnShowsTheValueAndGivesItsEnd() throws Exception {
        KernfsAttribute word = KernfsInvariants.value("word");
        root.add(word);
        OpenFile file = word.open(Access.READ);
        ByteBuffer target = ByteBuffer.allocate(16);
        assertThat(file.read(2, target)).isEqualTo(3);
        assertThat(KernfsInvariants.fires(file)).isFalse();
        assertThat(file.read(100, target)).isZero();
        assertThat(file.read(-1, target)).isZero();
    }

    // ---------------------------------------------------------------------------------------------- links

    @Test
    void aLinkSaysTheWayAlsoAfterARenameAndWhenItsTargetIsGone() throws Exception {
        KernfsDirectory device = new KernfsDirectory("dev-sda");
        KernfsLink link = new KernfsLink("rd0", device);
        KernfsDirectory md = new KernfsDirectory("md", device, link);
        root.add(new KernfsDirectory("block", new KernfsDirectory("md0", md)));
        KernfsLink far = new KernfsLink("far", md);
        root.add(far);
        assertThat(root.link("block/md0/md/rd0").readlink()).isEqualTo("dev-sda");
        assertThat(root.link("far").readlink()).isEqualTo("block/md0/md");
        assertRefused(Errno.EINVAL, () -> root.link("block"));
        assertRefused(Errno.ENOENT, () -> root.link("far/nothing"));
        device.rename(root, "sda");
        assertThat(link.readlink()).isEqualTo("../../../sda");
        device.remove();
        assertThat(link.readlink()).isEqualTo("../../../sda");
        assertRefused(Errno.ENOENT, () -> root.find("block/md0/md/rd0"));
    }

    @Test
    void aWayThatIsTooLongIsRefused() throws Exception {
        KernfsDirectory at = root;
        for (int depth = 0; depth < 17; depth++) {
            KernfsDirectory deeper = new KernfsDirectory("d".repeat(KernfsNode.NAME_LIMIT_BYTES));
            at.add(deeper);
            at = deeper;
        }
        KernfsLink link = new KernfsLink("link", at);
        root.add(link);
        assertRefused(Errno.ENAMETOOLONG, link::readlink);
        assertThatThrownBy(() -> new KernfsDirectory("d".repeat(KernfsNode.NAME_LIMIT_BYTES + 1)))
                .isInstanceOf(IllegalArgumentException.class);
    }

    /** Operations of one open file run one after another, shows and stores alike (kernfs_ops, under the file's mutex). */
    @Test
    void operationsOfOneFileNeverOverlap() throws Exception {
        AtomicInteger inside = new AtomicInteger();
        AtomicInteger overlaps = new AtomicInteger();
        Runnable operation = () -> {
            if (inside.getAndIncrement() != 0) {
                overlaps.getAndIncrement();
            }
            for (int i = 0; i < 200; i++) {
                Thread.onSpinWait();
            }
            inside.getAndDecrement();
        };
        KernfsAttribute knob = KernfsAttribute.readWrite(
                "knob",
                out -> {
                    operation.run();
                    return out.append(1).line();
                },
                value -> {
                    operation.run();
                    return Outcome.OK;
                });
        root.add(knob);
        OpenFile file = knob.open(Access.READ_WRITE);
        List<Thread> threads = new ArrayList<>();
        for (int i = 0; i < 4; i++) {
            boolean reads = i % 2 == 0;
            threads.add(Threads.start("operating", () -> {
                ByteBuffer target = ByteBuffer.allocate(16);
                for (int n = 0; n < 5_000; n++) {
                    if (reads) {
                        file.read(0, target.clear());
                    } else {
                        file.write(KernfsInvariants.bytes("1"));
                    }
                }
            }));
        }
        for (Thread thread : threads) {
            KernfsInvariants.join(thread);
        }
        assertThat(overlaps.get()).isZero();
    }
}

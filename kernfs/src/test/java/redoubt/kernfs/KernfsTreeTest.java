package redoubt.kernfs;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Finding, opening, reading and writing nodes. */
class KernfsTreeTest {

    private final KernfsDirectory root = KernfsDirectory.root();
    private final List<String> stored = new ArrayList<>();

    private KernfsAttribute knob(String name) {
        return KernfsAttribute.readWrite(
                name, out -> out.append("value of ").append(name).line(), text -> {
                    stored.add(text.text());
                    return text.is("bad") ? Outcome.refused(Errno.EINVAL, "bad is bad") : Outcome.OK;
                });
    }

    @Test
    void aSubtreeAppearsWhole() throws NodeRefused {
        KernfsAttribute slot = knob("slot");
        KernfsDirectory array = new KernfsDirectory("md0", new KernfsDirectory("dev-sda", slot));
        assertThat(slot.isActive()).isFalse();
        root.add(array);
        assertThat(root.find("md0/dev-sda/slot")).isSameAs(slot);
        assertThat(root.find("/md0//dev-sda/")).isSameAs(slot.path().isEmpty() ? null : root.find("md0/dev-sda"));
        assertThat(slot.path()).isEqualTo("md0/dev-sda/slot");
    }

    @Test
    void namesAreUniqueInADirectory() throws NodeRefused {
        root.add(knob("level"));
        assertThatThrownBy(() -> root.add(knob("level")))
                .isInstanceOfSatisfying(
                        NodeRefused.class,
                        refused -> assertThat(refused.errno()).isEqualTo(Errno.EEXIST));
        assertThatThrownBy(() -> new KernfsDirectory("d", knob("a"), knob("a")))
                .isInstanceOf(IllegalArgumentException.class);
    }

    @ParameterizedTest
    @ValueSource(strings = {"", ".", "..", "a/b"})
    void someNamesCannotBe(String name) {
        assertThatThrownBy(() -> new KernfsDirectory(name)).isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void whatIsNotThereIsRefusedInTheKernelsWords() throws NodeRefused {
        root.add(new KernfsDirectory("md0", knob("level")));
        assertThatThrownBy(() -> root.find("md0/size")).hasMessageContaining("md0/size");
        assertErrno(Errno.ENOENT, "md0/size");
        assertErrno(Errno.ENOTDIR, "md0/level/deeper");
        assertErrno(Errno.EISDIR, "md0");
    }

    private void assertErrno(Errno errno, String path) {
        assertThatThrownBy(() -> root.attribute(path))
                .isInstanceOfSatisfying(
                        NodeRefused.class,
                        refused -> assertThat(refused.errno()).isEqualTo(errno));
    }

    @Test
    void whatCannotBeShownCannotBeOpenedForReading() throws NodeRefused {
        KernfsAttribute writeOnly = KernfsAttribute.writeOnly("new_dev", text -> Outcome.OK);
        KernfsAttribute readOnly =
                KernfsAttribute.readOnly("degraded", out -> out.append(0).line());
        root.add(writeOnly);
        root.add(readOnly);
        assertThat(writeOnly.mode()).isEqualTo(0200);
        assertThat(readOnly.mode()).isEqualTo(0444);
        assertThat(knob("k").mode()).isEqualTo(0644);
        for (Runnable opening : List.<Runnable>of(
                () -> open(writeOnly, Access.READ),
                () -> open(writeOnly, Access.READ_WRITE),
                () -> open(readOnly, Access.WRITE))) {
            assertThatThrownBy(opening::run).hasCauseInstanceOf(NodeRefused.class);
        }
    }

    private static OpenFile open(KernfsAttribute attribute, Access access) {
        try {
            return attribute.open(access);
        } catch (NodeRefused refused) {
            assertThat(refused.errno()).isEqualTo(Errno.EACCES);
            throw new IllegalStateException(refused);
        }
    }

    @Test
    void oneShowServesAllReadsUntilTheNextFromTheStart() throws NodeRefused {
        int[] shows = new int[1];
        KernfsAttribute counter =
                KernfsAttribute.readOnly("n", out -> out.append(++shows[0]).line());
        root.add(counter);
        OpenFile file = counter.open(Access.READ);
        assertThat(readAt(file, 0, 1)).isEqualTo("1");
        assertThat(readAt(file, 1, 16)).isEqualTo("\n");
        assertThat(readAt(file, 2, 16)).isEmpty();
        assertThat(shows[0]).isEqualTo(1);
        assertThat(readAt(file, 0, 16)).isEqualTo("2\n");
    }

    @Test
    void aValueIsStoredOnceWithoutItsNewline() throws NodeRefused {
        KernfsAttribute attribute = knob("k");
        root.add(attribute);
        OpenFile file = attribute.open(Access.WRITE);
        assertThat(file.write(bytes("idle\n"))).isEqualTo(5);
        assertThat(file.write(bytes(""))).isZero();
        assertThat(file.write(bytes("bad"))).isEqualTo(OpenFile.REFUSED);
        assertThat(file.refusal().errno()).isEqualTo(Errno.EINVAL);
        assertThat(file.refusal().because()).isEqualTo("bad is bad");
        assertThat(stored).containsExactly("idle", "bad");
    }

    @Test
    void aPageIsTheMostThatIsShownOrStoredAtOnce() throws NodeRefused {
        KernfsAttribute endless = KernfsAttribute.readOnly("endless", out -> {
            while (!out.clipped()) {
                out.append("0123456789");
            }
            return Outcome.OK;
        });
        KernfsAttribute attribute = knob("k");
        root.add(endless);
        root.add(attribute);
        assertThat(readAt(endless.open(Access.READ), 0, 8192)).hasSize(KernfsAttribute.PAGE_BYTES - 1);
        assertThat(attribute.open(Access.WRITE).write(ByteBuffer.allocate(8192)))
                .isEqualTo(KernfsAttribute.PAGE_BYTES);
    }

    @Test
    void textAndNumbersAreWrittenExactly() {
        AttributeText out = new AttributeText(256);
        out.append("Größe 𝄞 ").append('x').append(' ');
        for (long number : new long[] {0, 9, 10, -1, -10, 4_294_967_296L, Long.MAX_VALUE, Long.MIN_VALUE}) {
            out.append(number).append(' ');
        }
        assertThat(new String(out.bytes(), 0, out.length(), StandardCharsets.UTF_8))
                .isEqualTo("Größe 𝄞 x 0 9 10 -1 -10 4294967296 9223372036854775807 -9223372036854775808 ");
    }

    @Test
    void aLinkLeadsToItsTargetWhileThatIsThere() throws NodeRefused {
        KernfsDirectory device = new KernfsDirectory("dev-sda", knob("state"));
        KernfsLink link = new KernfsLink("rd0", device);
        KernfsDirectory array = new KernfsDirectory("md0", new KernfsDirectory("md", device, link));
        root.add(array);
        KernfsLink far = new KernfsLink("first", device);
        root.add(new KernfsDirectory("short", far));
        assertThat(link.relativePath()).isEqualTo("dev-sda");
        assertThat(far.relativePath()).isEqualTo("../md0/md/dev-sda");
        assertThat(root.find("md0/md/rd0/state")).isSameAs(root.find("md0/md/dev-sda/state"));
        device.remove();
        assertErrno(Errno.ENOENT, "md0/md/rd0/state");
    }

    private static ByteBuffer bytes(String text) {
        return ByteBuffer.wrap(text.getBytes(StandardCharsets.UTF_8));
    }

    private static String readAt(OpenFile file, long position, int count) {
        ByteBuffer target = ByteBuffer.allocate(count);
        file.read(position, target);
        return StandardCharsets.UTF_8.decode(target.flip()).toString();
    }
}

package redoubt.md;

import java.util.ArrayList;
import java.util.List;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;
import redoubt.base.ArrayState;
import redoubt.base.Sectors;
import redoubt.kernfs.AttributeText;
import redoubt.kernfs.AttributeValue;
import redoubt.kernfs.Errno;
import redoubt.kernfs.KernfsAttribute;
import redoubt.kernfs.KernfsDirectory;
import redoubt.kernfs.KernfsLink;
import redoubt.kernfs.KernfsNode;
import redoubt.kernfs.Outcome;

/**
 * An array as the kernel shows one under {@code /sys/block}: the attributes of Linux' Documentation/admin-guide/md.rst in the kernel's
 * words and formats, so that tools which know those know these. What the kernel has no attribute for is named differently from all of its
 * own.
 *
 * <p>Everything shown comes from the view of that moment; a change of the view notifies the attributes that it changes, in the step of the
 * array's queue that published it. Neither takes a lock or allocates. What can be stored is checked here and done by the array. Preallocated is
 * what is preallocated in the kernel.
 */
public final class ArrayAttributes implements ArrayListener {

    /**
     * What the array itself does not know.
     *
     * @param metadataVersion the text of {@code metadata_version}
     * @param uuid the array's UUID in md's colon form, empty if it has none
     * @param layout md's number
     * @param chunkBytes chunk, 0 for a level without
     * @param members by slot; null where nobody is
     */
    public record Facts(
            String metadataVersion, String uuid, int layout, int chunkBytes, List<@Nullable MemberFacts> members) {}

    /**
     * What a member itself does not know.
     *
     * @param name its directory is called {@code dev-NAME}; a name like the kernel's, without blanks
     * @param path where it is
     * @param serial by which its metadata knows it, empty if by none
     */
    public record MemberFacts(String name, String path, String serial) {}

    private static final long MILLIS_PER_SECOND = 1000;
    private static final long NANOS_PER_MILLI = 1_000_000;
    private static final long SAFE_MODE_DELAY_LIMIT_MILLIS = 24L * 60 * 60 * MILLIS_PER_SECOND;

    private static final ArrayState[] STATES = ArrayState.values();

    private static final Outcome WOULD_BREAK =
            Outcome.refused(Errno.EBUSY, "the array would not survive the loss of this member");
    private static final Outcome NOT_A_STATE = Outcome.refused(Errno.EINVAL, "this can only be set to 'faulty'");
    private static final Outcome UNKNOWN_STATE = Outcome.refused(Errno.EINVAL, "this is no word of array_state");
    private static final Outcome NOT_SECONDS =
            Outcome.refused(Errno.EINVAL, "this is a number of seconds, such as 4 or 0.200");

    private final String name;
    private final Array array;
    private final Facts facts;
    private final BooleanSupplier inUse;
    private final KernfsDirectory directory;
    private final KernfsAttribute arrayState = KernfsAttribute.readWrite(
                    "array_state", out -> out.append(state().word()).line(), this::storeState)
            .preallocated();
    private final KernfsAttribute degraded = KernfsAttribute.readOnly(
            "degraded", out -> out.append(view().degraded()).line());
    private final @Nullable KernfsAttribute[] memberStates;

    /**
     * Builds the directory, not put anywhere yet, and listens to the array from now on.
     *
     * @param name what its directory is called, and what mdstat calls it: without blanks
     * @param inUse whether anybody has the array open who expects to write; asked by any thread
     */
    public ArrayAttributes(String name, Array array, Facts facts, BooleanSupplier inUse) {
        this.inUse = inUse;
        this.name = name;
        this.array = array;
        this.facts = facts;
        this.memberStates = new @Nullable KernfsAttribute[array.view().slots()];
        this.directory = new KernfsDirectory(
                name,
                KernfsAttribute.readOnly(
                        "size",
                        out -> out.append(Sectors.ofBytes(array.limits().sizeBytes()))
                                .line()),
                KernfsAttribute.readOnly(
                        "ro", out -> out.append(isReadOnly() ? 1 : 0).line()),
                new KernfsDirectory("md", content().toArray(KernfsNode[]::new)));
        array.addListener(this);
    }

    /** The directory that stands for the array: {@code size}, {@code ro} and {@code md}. */
    public KernfsDirectory directory() {
        return directory;
    }

    /** What its directory is called. */
    public String name() {
        return name;
    }

    // ---------------------------------------------------------------------------------------------- the tree

    private List<KernfsNode> content() {
        Traits traits = array.traits();
        List<KernfsNode> nodes = new ArrayList<>();
        nodes.add(arrayState);
        nodes.add(constant("level", traits.level().word()));
        nodes.add(constant("raid_disks", Integer.toString(array.view().slots())));
        nodes.add(constant("layout", Integer.toString(facts.layout())));
        nodes.add(constant("chunk_size", Integer.toString(facts.chunkBytes())));
        nodes.add(constant("component_size", Long.toString(array.plan().componentBytes() / 1024)));
        nodes.add(constant("array_size", "default"));
        nodes.add(constant("metadata_version", facts.metadataVersion()).preallocated());
        nodes.add(constant("uuid", facts.uuid()));
        nodes.add(KernfsAttribute.readWrite("safe_mode_delay", this::showDelay, this::storeDelay));
        nodes.add(KernfsAttribute.readOnly(
                "redundancy_known",
                out -> out.append(view().redundancyKnown() ? "yes" : "no").line()));
        if (traits.redundant()) {
            nodes.add(degraded);
        }
        for (int slot = 0; slot < memberStates.length; slot++) {
            Member member = view().occupant(slot);
            MemberFacts known = facts.members().get(slot);
            if (member != null && known != null) {
                KernfsDirectory device = device(slot, member, known);
                nodes.add(device);
                nodes.add(new KernfsLink("rd" + slot, device));
            }
        }
        return nodes;
    }

    private KernfsDirectory device(int slot, Member member, MemberFacts known) {
        KernfsAttribute state = KernfsAttribute.readWrite(
                        "state",
                        out -> out.append(view().memberState(slot).word()).line(),
                        value -> storeMemberState(slot, value))
                .preallocated();
        memberStates[slot] = state;
        return new KernfsDirectory(
                "dev-" + known.name(),
                state,
                constant("slot", Integer.toString(slot)),
                KernfsAttribute.readOnly(
                        "errors", out -> out.append(member.readErrors()).line()),
                constant("offset", Long.toString(Sectors.ofBytes(member.dataOffset()))),
                constant("size", Long.toString(array.plan().componentBytes() / 1024)),
                constant("path", known.path()),
                constant("serial", known.serial()));
    }

    private static KernfsAttribute constant(String name, String value) {
        return KernfsAttribute.readOnly(name, out -> out.append(value).line());
    }

    private ArrayView view() {
        return array.view();
    }

    private ArrayState state() {
        return array.view().state();
    }

    private boolean isReadOnly() {
        return array.plan().readOnly() || state() == ArrayState.READONLY;
    }

    // ---------------------------------------------------------------------------------------------- stores

    private Outcome storeState(AttributeValue value) {
        for (ArrayState wanted : STATES) {
            if (value.is(wanted.word())) {
                return array.wished().ask(wanted, inUse.getAsBoolean());
            }
        }
        return UNKNOWN_STATE;
    }

    private Outcome storeMemberState(int slot, AttributeValue value) {
        if (!value.is("faulty")) {
            return NOT_A_STATE;
        }
        MemberState now = view().memberState(slot);
        if (now != MemberState.IN_SYNC) {
            array.failMember(slot);
            return Outcome.OK;
        }
        return array.failMemberIfSurvived(slot) ? Outcome.OK : WOULD_BREAK;
    }

    private Outcome showDelay(AttributeText out) {
        long millis = array.safeModeDelayNanos() / NANOS_PER_MILLI;
        out.append(millis / MILLIS_PER_SECOND).append('.');
        long fraction = millis % MILLIS_PER_SECOND;
        out.append(fraction < 100 ? "0" : "").append(fraction < 10 ? "0" : "").append(fraction);
        return out.line();
    }

    /** Decimal seconds, more than three places cut off, as in the kernel. */
    private Outcome storeDelay(AttributeValue value) {
        String text = value.text();
        int point = text.indexOf('.');
        String whole = point < 0 ? text : text.substring(0, point);
        String fraction = point < 0 ? "" : text.substring(point + 1);
        boolean digits = (whole + fraction).chars().allMatch(c -> c >= '0' && c <= '9');
        if (!digits || whole.isEmpty() || whole.length() > 9) {
            return NOT_SECONDS;
        }
        long millis = Long.parseLong(whole) * MILLIS_PER_SECOND;
        millis += Long.parseLong((fraction + "000").substring(0, 3));
        if (millis > SAFE_MODE_DELAY_LIMIT_MILLIS) {
            return NOT_SECONDS;
        }
        array.safeModeDelayNanos(millis * NANOS_PER_MILLI);
        return Outcome.OK;
    }

    // ---------------------------------------------------------------------------------------------- mdstat

    /** Appends the array's entry of {@code /proc/mdstat}. */
    public void appendMdstat(AttributeText out) {
        ArrayView now = view();
        Traits traits = array.traits();
        out.append(name).append(" : ");
        switch (now.state()) {
            case CLEAR, INACTIVE -> out.append("inactive");
            case BROKEN -> out.append("broken");
            case READONLY -> out.append("active (read-only)");
            case READ_AUTO -> out.append("active (auto-read-only)");
            case SUSPENDED, CLEAN, ACTIVE, WRITE_PENDING, ACTIVE_IDLE -> out.append("active");
        }
        out.append(' ').append(traits.level().word());
        for (int slot = 0; slot < now.slots(); slot++) {
            MemberFacts known = facts.members().get(slot);
            if (known != null) {
                out.append(' ').append(known.name()).append('[').append(slot).append(']');
                switch (now.memberState(slot)) {
                    case FAULTY, FAULTY_BLOCKED -> out.append("(F)");
                    case SPARE -> out.append("(S)");
                    case IN_SYNC, MISSING -> {}
                }
            }
        }
        out.append("\n      ").append(array.limits().sizeBytes() / 1024).append(" blocks super ");
        out.append(facts.metadataVersion());
        appendLevel(out, traits.level());
        if (traits.redundant()) {
            out.append(" [").append(now.slots()).append('/');
            out.append(Long.bitCount(now.inSyncSlots())).append("] [");
            for (int slot = 0; slot < now.slots(); slot++) {
                out.append(now.inSync(slot) ? 'U' : '_');
            }
            out.append(']');
        }
        out.append("\n      \n");
    }

    private void appendLevel(AttributeText out, Level level) {
        long kib = facts.chunkBytes() / 1024;
        switch (level) {
            case LINEAR, RAID1 -> {}
            case RAID0 -> out.append(' ').append(kib).append("k chunks");
            case RAID4, RAID5, RAID6 -> {
                out.append(" level ").append(level.word().substring("raid".length()));
                out.append(", ").append(kib).append("k chunk, algorithm ").append(facts.layout());
            }
            case RAID10 ->
                out.append(' ')
                        .append(kib)
                        .append("K chunks ")
                        .append(facts.layout() & 0xFF)
                        .append(" near-copies");
        }
    }

    // ---------------------------------------------------------------------------------------------- the array says

    @Override
    public void viewChanged(ArrayView before, ArrayView after) {
        if (before.state() != after.state()) {
            arrayState.notifyChange();
        }
        if (before.degraded() != after.degraded()) {
            degraded.notifyChange();
        }
        for (int slot = 0; slot < memberStates.length; slot++) {
            KernfsAttribute state = memberStates[slot];
            if (state != null && before.memberState(slot) != after.memberState(slot)) {
                state.notifyChange();
            }
        }
    }

    @Override
    public void event(String word, String member) {
        // What happened is in the view; who keeps a log of events listens for himself.
    }
}

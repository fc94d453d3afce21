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
import redoubt.kernfs.Store;

/**
 * An array as the kernel shows one under {@code /sys/block}: the attributes of Linux' Documentation/admin-guide/md.rst in the kernel's
 * words and formats, so that tools which know those know these. What the kernel has no attribute for is named differently from all of its
 * own.
 *
 * <p>Everything shown comes from the view of that moment; a change of the view notifies the attributes that it changes, in the step of the
 * array's queue that published it. Neither takes a lock or allocates, but where attributes go: with a member, and at the stop. What can be stored is checked here and done by the array. Preallocated is
 * what is preallocated in the kernel. What exists in the kernel only while a personality with redundancy runs goes when the array stops.
 *
 * <p>Where the metadata is kept outside, an array may be shown in several trees; each has {@link KeeperStores} of its own, and what is stored
 * through a tree whose owner has lost his right is refused. What this engine cannot do yet (a resync, a bad-block list, a change of
 * geometry) is shown as the kernel shows it where there is none, and refused with the kernel's errno.
 */
public final class ArrayAttributes implements MdstatEntry {

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
     * @param disk what {@code block} leads to; null if the disk is not in the tree
     */
    public record MemberFacts(
            String name,
            String path,
            String serial,
            @Nullable KernfsDirectory disk) {

        /** The facts of a disk that is not in the tree. */
        public MemberFacts(String name, String path, String serial) {
            this(name, path, serial, null);
        }
    }

    private static final long REMOVAL_LIMIT_NANOS = 1_000_000_000L;
    private static final long MILLIS_PER_SECOND = 1000;
    private static final long NANOS_PER_MILLI = 1_000_000;
    private static final long SAFE_MODE_DELAY_LIMIT_MILLIS = 24L * 60 * 60 * MILLIS_PER_SECOND;

    private static final int AT_AN_OFFSET = 1 << 16;
    private static final int IN_SETS = 1 << 17;

    private static final ArrayState[] STATES = ArrayState.values();

    private static final Outcome WOULD_BREAK =
            Outcome.refused(Errno.EBUSY, "the array would not survive the loss of this member");
    private static final Outcome NOT_A_STATE =
            Outcome.refused(Errno.EINVAL, "this is set to 'faulty', 'remove', 'blocked', '-blocked' or 'external_bbl'");
    private static final Outcome NOT_FAULTY =
            Outcome.refused(Errno.EBUSY, "the member is in use, or its failure is not recorded yet; fail it first");
    private static final Outcome NOT_BLOCKABLE =
            Outcome.refused(Errno.EOPNOTSUPP, "a member that works is not blocked here; only one that failed is");
    private static final Outcome ENGINE_UNBLOCKS = Outcome.refused(
            Errno.EBUSY, "the engine keeps the metadata, and unblocks the member when it has recorded that");
    private static final Outcome KEPT_INSIDE =
            Outcome.refused(Errno.EINVAL, "this is for metadata that is kept outside the engine");
    private static final Outcome RUNNING = Outcome.refused(Errno.EBUSY, "the array is running");
    private static final Outcome NO_SYNC =
            Outcome.refused(Errno.EINVAL, "this engine has no resync, check or rebuild yet");
    private static final Outcome NO_RESHAPE =
            Outcome.refused(Errno.EINVAL, "this engine does not change a level or the number of members");
    private static final Outcome NO_BAD_BLOCKS =
            Outcome.refused(Errno.ENOSPC, "this engine keeps no list of bad blocks, so none can be put into it");
    private static final Outcome NOT_A_RANGE =
            Outcome.refused(Errno.EINVAL, "this is a sector and a number of sectors, such as '2048 8'");
    private static final Outcome NOT_A_SIZE = Outcome.refused(Errno.EINVAL, "this is 'default', or a size in KiB");
    private static final Outcome TOO_LARGE = Outcome.refused(Errno.E2BIG, "the members do not hold as much");
    private static final Outcome UNKNOWN_STATE = Outcome.refused(Errno.EINVAL, "this is no word of array_state");
    private static final Outcome NOT_SECONDS =
            Outcome.refused(Errno.EINVAL, "this is a number of seconds, such as 4 or 0.200");

    private final String name;
    private final Array array;
    private final Facts facts;
    private final BooleanSupplier inUse;
    private final KernfsDirectory directory;
    private final KernfsAttribute arrayState = KernfsAttribute.readWrite(
                    "array_state", out -> out.append(shown().word()).line(), value -> guardedState(value))
            .preallocated();
    private final KernfsAttribute degraded = KernfsAttribute.readOnly(
            "degraded", out -> out.append(view().degraded()).line());
    private final KernfsAttribute syncAction = KernfsAttribute.readWrite(
                    "sync_action", out -> out.append("idle").line(), guarded(this::storeSyncAction))
            .preallocated();
    private final KernfsAttribute syncCompleted =
            constant("sync_completed", "none").preallocated();
    private final @Nullable KeeperStores stores;
    private final @Nullable KernfsAttribute[] memberStates;
    private final @Nullable KernfsDirectory[] devices;
    private final @Nullable KernfsLink[] deviceLinks;

    /** The same where the engine keeps the metadata. */
    public ArrayAttributes(String name, Array array, Facts facts, BooleanSupplier inUse) {
        this(name, array, facts, inUse, null);
    }

    /**
     * Builds the directory, not put anywhere yet, and listens to the array from now on.
     *
     * @param name what its directory is called, and what mdstat calls it: without blanks
     * @param inUse whether anybody has the array open who expects to write; asked by any thread
     * @param stores what is stored through this tree by whoever keeps the metadata outside; null where the engine keeps it
     */
    public ArrayAttributes(
            String name, Array array, Facts facts, BooleanSupplier inUse, @Nullable KeeperStores stores) {
        this.inUse = inUse;
        this.stores = stores;
        this.devices = new @Nullable KernfsDirectory[array.view().slots()];
        this.deviceLinks = new @Nullable KernfsLink[array.view().slots()];
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

    /** Stops listening: the directory is out of its tree, and nobody reads it any more. */
    public void forget() {
        array.removeListener(this);
    }

    // ---------------------------------------------------------------------------------------------- the tree

    private List<KernfsNode> content() {
        Traits traits = array.traits();
        List<KernfsNode> nodes = new ArrayList<>();
        nodes.add(arrayState);
        nodes.add(fixed("level", traits.level().word(), NO_RESHAPE));
        nodes.add(fixed("raid_disks", Integer.toString(array.view().slots()), NO_RESHAPE));
        nodes.add(fixed("layout", Integer.toString(facts.layout()), RUNNING));
        nodes.add(fixed("chunk_size", Integer.toString(facts.chunkBytes()), RUNNING));
        nodes.add(fixed("component_size", Long.toString(array.plan().componentBytes() / 1024), NO_RESHAPE));
        nodes.add(KernfsAttribute.readWrite(
                "array_size", out -> out.append("default").line(), guarded(this::storeArraySize)));
        nodes.add(metadataVersion());
        nodes.add(fixed("uuid", facts.uuid(), RUNNING));
        nodes.add(KernfsAttribute.readWrite("safe_mode_delay", this::showDelay, guarded(this::storeDelay)));
        nodes.add(fixed("reshape_position", "none", RUNNING));
        nodes.add(fixed("reshape_direction", "forwards", RUNNING));
        nodes.add(KernfsAttribute.readWrite(
                        "resync_start",
                        out -> out.append(traits.redundant() && !view().redundancyKnown() ? "0" : "none")
                                .line(),
                        guarded(value -> RUNNING))
                .preallocated());
        nodes.add(KernfsAttribute.readWrite(
                "consistency_policy",
                out -> out.append(isRunning() ? (traits.redundant() ? "resync" : "none") : "unknown")
                        .line(),
                guarded(value -> RUNNING)));
        nodes.add(constant("max_read_errors", Integer.toString(array.plan().maxReadErrors())));
        nodes.add(KernfsAttribute.readOnly(
                "redundancy_known",
                out -> out.append(view().redundancyKnown() ? "yes" : "no").line()));
        if (traits.redundant()) {
            nodes.add(degraded);
            nodes.add(syncAction);
            nodes.add(syncCompleted);
        }
        for (int slot = 0; slot < memberStates.length; slot++) {
            Member member = view().occupant(slot);
            MemberFacts known = facts.members().get(slot);
            if (member != null && known != null) {
                KernfsDirectory device = device(slot, member, known);
                KernfsLink link = new KernfsLink("rd" + slot, device);
                devices[slot] = device;
                deviceLinks[slot] = link;
                nodes.add(device);
                nodes.add(link);
            }
        }
        return nodes;
    }

    private KernfsAttribute metadataVersion() {
        KeeperStores outside = stores;
        return outside == null
                ? constant("metadata_version", facts.metadataVersion()).preallocated()
                : KernfsAttribute.readWrite(
                                "metadata_version",
                                out -> out.append(outside.metadataVersion()).line(),
                                guarded(outside::metadataVersion))
                        .preallocated();
    }

    private KernfsDirectory device(int slot, Member member, MemberFacts known) {
        KernfsAttribute state = KernfsAttribute.readWrite(
                        "state", out -> showMemberState(slot, out), guarded(value -> storeMemberState(slot, value)))
                .preallocated();
        memberStates[slot] = state;
        List<KernfsNode> content = new ArrayList<>(List.of(
                state,
                fixed("slot", Integer.toString(slot), RUNNING),
                KernfsAttribute.readOnly(
                        "errors", out -> out.append(member.readErrors()).line()),
                fixed("offset", Long.toString(Sectors.ofBytes(member.dataOffset())), RUNNING),
                fixed("size", Long.toString(array.plan().componentBytes() / 1024), RUNNING),
                KernfsAttribute.readWrite(
                        "recovery_start",
                        out -> out.append(view().memberState(slot) == MemberState.SPARE ? "0" : "none")
                                .line(),
                        guarded(value -> RUNNING)),
                KernfsAttribute.readWrite("bad_blocks", out -> Outcome.OK, guarded(ArrayAttributes::storeBadBlocks)),
                KernfsAttribute.readWrite(
                        "unacknowledged_bad_blocks", out -> Outcome.OK, guarded(ArrayAttributes::storeBadBlocks)),
                constant("path", known.path()),
                constant("serial", known.serial())));
        KernfsDirectory disk = known.disk();
        if (disk != null) {
            content.add(new KernfsLink("block", disk));
        }
        return new KernfsDirectory("dev-" + known.name(), content.toArray(KernfsNode[]::new));
    }

    private static KernfsAttribute constant(String name, String value) {
        return KernfsAttribute.readOnly(name, out -> out.append(value).line());
    }

    /** What has the mode that the kernel gives it and does not change while the array runs. */
    private KernfsAttribute fixed(String name, String value, Outcome refusal) {
        return KernfsAttribute.readWrite(name, out -> out.append(value).line(), guarded(stored -> refusal));
    }

    /** Takes nothing in the name of somebody who has lost his right. */
    private Store guarded(Store store) {
        return value -> {
            Outcome standing = standing();
            return standing.ok() ? store.store(value) : standing;
        };
    }

    private Outcome standing() {
        KeeperStores outside = stores;
        return outside == null ? Outcome.OK : outside.standing();
    }

    private boolean isRunning() {
        return shown().isRunning();
    }

    private Outcome showMemberState(int slot, AttributeText out) {
        MemberState now = view().memberState(slot);
        out.append(now.word());
        return out.append(array.badBlocksOutside(slot) ? ",external_bbl" : "").line();
    }

    private ArrayView view() {
        return array.view();
    }

    private ArrayState state() {
        return array.view().state();
    }

    /** What whoever reads this tree takes it for. */
    private ArrayState shown() {
        KeeperStores outside = stores;
        return outside == null ? state() : outside.shown(state());
    }

    private boolean isReadOnly() {
        return array.plan().readOnly() || shown() == ArrayState.READONLY;
    }

    // ---------------------------------------------------------------------------------------------- stores

    private Outcome guardedState(AttributeValue value) {
        Outcome standing = standing();
        return standing.ok() ? storeState(value) : standing;
    }

    private Outcome storeState(AttributeValue value) {
        for (ArrayState wanted : STATES) {
            if (value.is(wanted.word())) {
                Outcome how = askForState(wanted);
                // md tells of every store that it took; here a step carries it out, and whoever were told before that
                // would store it again.
                if (how.ok() && state() == wanted) {
                    array.tellStateAgain();
                }
                return how;
            }
        }
        return UNKNOWN_STATE;
    }

    private Outcome askForState(ArrayState wanted) {
        KeeperStores outside = stores;
        ArrayView now = view();
        if (outside != null && wanted == ArrayState.ACTIVE && now.state() == ArrayState.WRITE_PENDING) {
            return outside.dirtyMarked();
        }
        if (outside != null
                && wanted == ArrayState.ACTIVE
                && WishedState.isQuiet(now)
                && !array.plan().readOnly()) {
            return outside.writingWanted();
        }
        if (outside != null
                && wanted == ArrayState.CLEAN
                && (now.state() == ArrayState.ACTIVE || now.state() == ArrayState.ACTIVE_IDLE)) {
            return outside.cleanWanted();
        }
        return array.wished().ask(wanted, inUse.getAsBoolean());
    }

    private Outcome storeMemberState(int slot, AttributeValue value) {
        MemberState now = view().memberState(slot);
        if (value.is("faulty")) {
            return storeFaulty(slot, now);
        }
        if (value.is("-blocked")) {
            KeeperStores outside = stores;
            if (now != MemberState.FAULTY_BLOCKED) {
                return Outcome.OK;
            }
            return outside == null ? ENGINE_UNBLOCKS : outside.failureRecorded(slot);
        }
        if (value.is("blocked")) {
            return now == MemberState.FAULTY_BLOCKED ? Outcome.OK : NOT_BLOCKABLE;
        }
        if (value.is("external_bbl") || value.is("-external_bbl")) {
            if (stores == null) {
                return KEPT_INSIDE;
            }
            array.badBlocksOutside(slot, value.is("external_bbl"));
            KernfsAttribute state = memberStates[slot];
            if (state != null) {
                state.notifyChange();
            }
            return Outcome.OK;
        }
        if (value.is("remove")) {
            return storeRemove(slot);
        }
        return NOT_A_STATE;
    }

    private Outcome storeFaulty(int slot, MemberState now) {
        if (now != MemberState.IN_SYNC) {
            array.failMember(slot);
            return Outcome.OK;
        }
        return array.failMemberIfSurvived(slot) ? Outcome.OK : WOULD_BREAK;
    }

    /** The directory goes with the member, and this store is within it. */
    private Outcome storeRemove(int slot) {
        KernfsAttribute state = memberStates[slot];
        if (state == null || view().memberState(slot) != MemberState.FAULTY || WishedState.isQuiet(view())) {
            return NOT_FAULTY;
        }
        state.withoutActiveReference(() -> array.removeMember(slot));
        return Outcome.OK;
    }

    private Outcome storeSyncAction(AttributeValue value) {
        if (!value.is("idle")) {
            return NO_SYNC;
        }
        syncAction.notifyChange();
        return Outcome.OK;
    }

    private Outcome storeArraySize(AttributeValue value) {
        if (value.is("default")) {
            return Outcome.OK;
        }
        String text = value.text();
        if (text.isEmpty() || text.length() > 18 || !text.chars().allMatch(c -> c >= '0' && c <= '9')) {
            return NOT_A_SIZE;
        }
        return Long.parseLong(text) > array.limits().sizeBytes() / 1024 ? TOO_LARGE : RUNNING;
    }

    private static Outcome storeBadBlocks(AttributeValue value) {
        return value.text().matches("-?[0-9]{1,18} [0-9]{1,9}") ? NO_BAD_BLOCKS : NOT_A_RANGE;
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

    @Override
    public void appendMdstat(AttributeText out) {
        ArrayView now = view();
        Traits traits = array.traits();
        out.append(name).append(" : ");
        switch (shown()) {
            case CLEAR, INACTIVE -> out.append("inactive");
            case BROKEN -> out.append("broken");
            case READONLY -> out.append("active (read-only)");
            case READ_AUTO -> out.append("active (auto-read-only)");
            case SUSPENDED, CLEAN, ACTIVE, WRITE_PENDING, ACTIVE_IDLE -> out.append("active");
        }
        out.append(' ').append(traits.level().word());
        for (int slot = 0; slot < now.slots(); slot++) {
            MemberFacts known = facts.members().get(slot);
            if (known != null && now.memberState(slot) != MemberState.MISSING) {
                out.append(' ').append(known.name()).append('[').append(slot).append(']');
                switch (now.memberState(slot)) {
                    case FAULTY, FAULTY_BLOCKED -> out.append("(F)");
                    case SPARE -> out.append("(S)");
                    case IN_SYNC, MISSING -> {}
                }
            }
        }
        out.append("\n      ").append(array.limits().sizeBytes() / 1024).append(" blocks super ");
        KeeperStores outside = stores;
        out.append(outside == null ? facts.metadataVersion() : outside.metadataVersion());
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
            case RAID1 -> {}
            case LINEAR -> out.append(' ').append(kib).append("k rounding");
            case RAID0 -> out.append(' ').append(kib).append("k chunks");
            case RAID4, RAID5, RAID6 -> {
                out.append(" level ").append(level.word().substring("raid".length()));
                out.append(", ").append(kib).append("k chunk, algorithm ").append(facts.layout());
            }
            case RAID10 -> {
                out.append(' ').append(kib).append("K chunks");
                appendCopies(out, facts.layout());
            }
        }
    }

    /** The bytes of md's number are near and far copies; above them it says that the far ones are at an offset, and that they stay in sets. */
    private void appendCopies(AttributeText out, int layout) {
        int near = layout & 0xFF;
        int far = layout >>> 8 & 0xFF;
        if (near > 1) {
            out.append(' ').append(near).append(" near-copies");
        }
        if (far > 1) {
            out.append(' ').append(far).append((layout & AT_AN_OFFSET) != 0 ? " offset-copies" : " far-copies");
            if ((layout & IN_SETS) != 0) {
                out.append(' ').append(view().slots() / far).append(" devices per set");
            }
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
        if (before.state().isRunning()
                && !after.state().isRunning()
                && array.traits().redundant()) {
            degraded.remove(REMOVAL_LIMIT_NANOS);
            syncAction.remove(REMOVAL_LIMIT_NANOS);
            syncCompleted.remove(REMOVAL_LIMIT_NANOS);
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

    @Override
    public void stateToldAgain() {
        arrayState.notifyChange();
    }

    @Override
    public void memberRemoved(int slot) {
        KernfsLink link = deviceLinks[slot];
        KernfsDirectory device = devices[slot];
        if (link != null && device != null) {
            link.remove(REMOVAL_LIMIT_NANOS);
            device.remove(REMOVAL_LIMIT_NANOS);
        }
    }
}

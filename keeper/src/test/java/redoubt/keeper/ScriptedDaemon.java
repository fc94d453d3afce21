package redoubt.keeper;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.nio.ByteBuffer;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import redoubt.base.Extent;
import redoubt.block.IoStatus;
import redoubt.kernfs.Access;
import redoubt.kernfs.KernfsDirectory;
import redoubt.kernfs.NodeRefused;
import redoubt.kernfs.OpenFile;
import redoubt.metadata.Candidate;
import redoubt.metadata.ContainerChoice;
import redoubt.metadata.ContainerMetadata;
import redoubt.metadata.Finding;
import redoubt.metadata.MetadataEvent;
import redoubt.metadata.WriteRound;
import redoubt.testkit.Asked;
import redoubt.testkit.Asker;

/**
 * A daemon that does what mdmon's monitor does, one action at a time, so that it can be stopped between any two: reads the metadata through its
 * doors once, then looks at the attributes when one of them was notified, writes metadata without flushing it, and only then stores. It ignores
 * errors of stores, as mdmon does.
 */
final class ScriptedDaemon implements SteppedDaemon {

    /** One action; what it leads to goes to the front of the list. */
    private interface Action {
        void run() throws Exception;
    }

    private final ExternalRig rig;
    private final Incarnation incarnation;
    private final List<Asker> askers = new ArrayList<>();
    private final OpenFile arrayState;
    private final OpenFile metadataVersion;
    private final OpenFile resyncStart;
    private final List<OpenFile> memberStates = new ArrayList<>();
    private final ArrayDeque<Action> todo = new ArrayDeque<>();
    private final Finding[] findings = new Finding[ExternalRig.DISKS];
    final List<String> did = new ArrayList<>();
    final List<String> refused = new ArrayList<>();
    private @Nullable ContainerMetadata metadata;
    private @Nullable Asked underWay;
    private boolean looked;
    private int actions;
    private int stopAfter = Integer.MAX_VALUE;

    ScriptedDaemon(ExternalRig rig, Incarnation incarnation, KernfsDirectory tree) throws NodeRefused {
        this.rig = rig;
        this.incarnation = incarnation;
        this.arrayState = tree.attribute("md126/md/array_state").open(Access.READ_WRITE);
        this.metadataVersion = tree.attribute("md126/md/metadata_version").open(Access.READ);
        this.resyncStart = tree.attribute("md126/md/resync_start").open(Access.READ);
        for (int disk = 0; disk < ExternalRig.DISKS; disk++) {
            askers.add(new Asker(incarnation.door(disk)).steppedBy(rig::step));
            memberStates.add(
                    tree.attribute("md126/md/dev-sim" + disk + "/state").open(Access.READ_WRITE));
            int number = disk;
            todo.add(() -> load(number));
        }
        todo.add(this::choose);
    }

    @Override
    public Incarnation incarnation() {
        return incarnation;
    }

    @Override
    public void stopAfter(int count) {
        stopAfter = count;
    }

    @Override
    public void goOn() {
        stopAfter = Integer.MAX_VALUE;
    }

    boolean isStopped() {
        return actions >= stopAfter;
    }

    @Override
    public int actions() {
        return actions;
    }

    @Override
    public boolean runOne() throws Exception {
        if (isStopped()) {
            return false;
        }
        Asked waiting = underWay;
        if (waiting != null && !waiting.settled()) {
            return false;
        }
        underWay = null;
        Action next = todo.poll();
        if (next == null && metadata != null && (!looked || isNotified())) {
            next = this::look;
        }
        if (next == null) {
            return false;
        }
        actions++;
        next.run();
        return true;
    }

    private boolean isNotified() {
        boolean any = (arrayState.poll() & OpenFile.POLL_PRI) != 0;
        for (OpenFile state : memberStates) {
            any |= state.attribute().isActive() && (state.poll() & OpenFile.POLL_PRI) != 0;
        }
        return any;
    }

    // ---------------------------------------------------------------------------------------------- the metadata

    private void load(int disk) {
        Extent place = rig.format.usualPlaces(ExternalRig.geometry()).getFirst();
        Asked read = askers.get(disk).startRead(place.offset(), (int) place.length());
        did.add("read " + disk);
        underWay = read;
        todo.addFirst(() -> {
            boolean came = read.await() == IoStatus.OK;
            byte[] bytes = came ? read.content() : new byte[0];
            read.free();
            findings[disk] = came
                    ? rig.format.probe(
                            ExternalRig.geometry(),
                            (offset, length) -> Arrays.copyOfRange(
                                    bytes, (int) (offset - place.offset()), (int) (offset - place.offset()) + length))
                    : new Finding.Absent();
        });
    }

    private void choose() {
        List<Candidate> candidates = new ArrayList<>();
        for (int disk = 0; disk < ExternalRig.DISKS; disk++) {
            candidates.add(new Candidate(disk, ExternalRig.geometry(), Optional.of("SIM" + disk), findings[disk]));
        }
        for (ContainerChoice choice : rig.format.choose(candidates)) {
            if (choice instanceof ContainerChoice.Chosen(ContainerMetadata chosen, var placements)) {
                metadata = chosen;
            }
        }
    }

    /** Reads everything again, as mdmon never does; for a newcomer that came while the engine was writing. */
    void readAgain() {
        for (int disk = 0; disk < ExternalRig.DISKS; disk++) {
            int number = disk;
            todo.add(() -> load(number));
        }
        todo.add(this::choose);
    }

    // ---------------------------------------------------------------------------------------------- the monitor

    private void look() throws Exception {
        looked = true;
        ContainerMetadata now = metadata;
        if (now == null) {
            throw new IllegalStateException("nothing was loaded");
        }
        String state = read(arrayState);
        String store = "";
        List<Integer> unblock = new ArrayList<>();
        switch (state) {
            case "write-pending" -> {
                now = now.apply(new MetadataEvent.MarkDirty(0));
                store = "active";
            }
            case "active-idle" -> store = "clean";
            // It takes what ended, in whatever way, for consistent.
            case "clean", "inactive", "clear", "broken" -> now = now.apply(new MetadataEvent.MarkClean(0));
            case "readonly" -> {
                if (!read(metadataVersion).startsWith("external:-")) { // else it leaves the array alone
                    boolean resynced = read(resyncStart).equals("none");
                    now = now.apply(new MetadataEvent.VolumeActivated(0))
                            .apply(resynced ? new MetadataEvent.MarkClean(0) : new MetadataEvent.MarkDirty(0));
                    store = resynced ? "read-auto" : "active";
                }
            }
            default -> {}
        }
        List<Integer> remove = new ArrayList<>();
        for (int disk = 0; disk < ExternalRig.DISKS; disk++) {
            OpenFile file = memberStates.get(disk);
            if (!file.attribute().isActive()) {
                continue;
            }
            String member = read(file);
            if (member.contains("faulty")) {
                now = now.apply(new MetadataEvent.MemberFailed(0, disk));
                if (member.contains("blocked")) {
                    unblock.add(disk);
                } else {
                    remove.add(disk);
                }
            }
        }
        did.add("look " + state);
        ContainerMetadata before = metadata;
        if (before != null && !now.sameOnDisk(before)) {
            WriteRound round = now.write(Optional.empty());
            for (WriteRound.MemberWrites writes : round.members()) {
                for (WriteRound.Step step : writes.steps()) {
                    if (step instanceof WriteRound.Step.Put(long offset, var bytes)) {
                        todo.add(() -> put(writes.disk(), offset, bytes.toArray()));
                    }
                }
            }
            metadata = round.image();
        }
        if (!store.isEmpty()) {
            String word = store;
            todo.add(() -> store(arrayState, word));
        }
        unblock.forEach(disk -> todo.add(() -> store(memberStates.get(disk), "-blocked")));
        remove.forEach(disk -> todo.add(() -> store(memberStates.get(disk), "remove")));
    }

    private void put(int disk, long offset, byte[] bytes) {
        Asked write = askers.get(disk).startWrite(offset, bytes, 0);
        did.add("put " + disk);
        underWay = write;
        todo.addFirst(() -> {
            IoStatus how = write.await();
            write.free();
            if (!how.ok()) {
                refused.add("put " + disk + " " + how);
            }
        });
    }

    private void store(OpenFile file, String word) {
        did.add("store " + word);
        if (file.write(ByteBuffer.wrap(word.getBytes(UTF_8))) == OpenFile.REFUSED) {
            refused.add("store " + word + " " + file.refusal().errno());
        }
    }

    private static String read(OpenFile file) {
        ByteBuffer target = ByteBuffer.allocate(4096);
        return file.read(0, target) == OpenFile.REFUSED
                ? ""
                : UTF_8.decode(target.flip()).toString().strip();
    }
}

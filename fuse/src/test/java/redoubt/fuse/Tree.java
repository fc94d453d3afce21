package redoubt.fuse;

import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import redoubt.kernfs.Errno;
import redoubt.kernfs.KernfsAttribute;
import redoubt.kernfs.KernfsDirectory;
import redoubt.kernfs.KernfsLink;
import redoubt.kernfs.NodeRefused;
import redoubt.kernfs.Outcome;

/** A tree like an array's, whose values are as a test wants them. */
final class Tree {

    final KernfsDirectory root = KernfsDirectory.root();
    final AtomicLong number = new AtomicLong();
    final AtomicInteger stores = new AtomicInteger();
    volatile String word = "clean";
    volatile Runnable onStore = () -> {};

    final KernfsAttribute state =
            KernfsAttribute.readWrite("array_state", out -> out.append(word).line(), value -> {
                if (value.is("nonsense")) {
                    return Outcome.refused(Errno.EINVAL, "no such state");
                }
                if (value.is("busy")) {
                    return Outcome.refused(Errno.EBUSY, "not now");
                }
                word = value.text();
                stores.incrementAndGet();
                onStore.run();
                return Outcome.OK;
            });
    final KernfsAttribute count =
            KernfsAttribute.readOnly("count", out -> out.append(number.get()).line());
    final KernfsAttribute stop = KernfsAttribute.writeOnly("stop", value -> Outcome.OK);
    final KernfsDirectory member = new KernfsDirectory(
            "dev-sda", KernfsAttribute.readOnly("slot", out -> out.append(0).line()));
    final KernfsDirectory md = new KernfsDirectory("md", state, count, stop, member, new KernfsLink("rd0", member));
    final KernfsAttribute mdstat = KernfsAttribute.large("mdstat", 32 << 10, out -> {
        for (int i = 0; i < 600; i++) {
            out.append("line ").append(i).line();
        }
        return Outcome.OK;
    });

    Tree() {
        try {
            root.add(new KernfsDirectory("block", new KernfsDirectory("md0", md)));
            root.add(mdstat);
        } catch (NodeRefused impossible) {
            throw new IllegalStateException(impossible);
        }
    }
}

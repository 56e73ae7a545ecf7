using PgCluster.Engine.Configuration;

namespace PgCluster.Engine.Membership;

/// <summary>The nodes a process began its work with, and whether they still are the cluster's. When they are not, it ends its work and begins anew.</summary>
public sealed class ClusterMembership
{
    /// <summary>How long a process that ends its work lets the calls that are under way come to their end.</summary>
    public static readonly TimeSpan LongestDrain = TimeSpan.FromSeconds(15);

    private readonly ClusterConfig _file;
    private readonly TaskCompletionSource _changed = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Begins with what was read.</summary>
    /// <param name="file">What the file says.</param>
    /// <param name="members">What stands in the store.</param>
    public ClusterMembership(ClusterConfig file, Members members)
    {
        ArgumentNullException.ThrowIfNull(members);
        _file = file;
        Config = MemberOverlay.Apply(file, members);
        Revision = members.Revision;
    }

    /// <summary>The configuration in effect.</summary>
    public ClusterConfig Config { get; }

    /// <summary>Revision of the latest change of the members that is known to be in <see cref="Config"/>.</summary>
    public long Revision { get; private set; }

    /// <summary>Completes when <see cref="Config"/> is not the cluster's any more.</summary>
    public Task Changed => _changed.Task;

    /// <summary>Compares with what stands in the store now; false, and <see cref="Changed"/> completes, when the work has to begin anew.</summary>
    public bool IsCurrent(Members now)
    {
        ArgumentNullException.ThrowIfNull(now);
        if (now.Revision == Revision || MemberOverlay.Apply(_file, now).Equals(Config))
        {
            Revision = now.Revision;
            return true;
        }

        _changed.TrySetResult();
        return false;
    }
}

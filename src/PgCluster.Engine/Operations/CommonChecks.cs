using PgCluster.Engine.Topology;

namespace PgCluster.Engine.Operations;

/// <summary>What every operation looks at before it begins.</summary>
internal static class CommonChecks
{
    /// <summary>The store answers.</summary>
    public static PreflightCheck Quorum(ClusterView view)
    {
        var healthy = view.Store.Endpoints.Count(e => e.Healthy);
        var evidence = $"{healthy} of {view.Store.Endpoints.Count} etcd endpoints answer";
        return !view.Store.HasQuorum
            ? new("StoreQuorum", CheckStatus.Failed, evidence + ", and a linearizable read fails", "bring etcd's majority back first", Reason.NoQuorum)
            : healthy < view.Store.Endpoints.Count
                ? new("StoreQuorum", CheckStatus.Warning, evidence, "bring the missing etcd members back")
                : new("StoreQuorum", CheckStatus.Passed, evidence);
    }

    /// <summary>Nobody else works on the cluster.</summary>
    public static PreflightCheck LockFree(ClusterView view, string? heldLockKey = null) => view.Lock is { } held && held.Key != heldLockKey
        ? new("LockFree", CheckStatus.Failed, $"the cluster's lock is held by {Who(held.Holder.Name)} for {Who(held.Holder.Purpose)}",
            "wait for it to finish", Reason.LockHeld)
        : new("LockFree", CheckStatus.Passed, "nobody else holds the cluster's lock");

    private static string Who(string text) => text.Length > 0 ? text : "another tool";
}

using System.Globalization;

namespace PgCluster.Engine.Pacemaker;

/// <summary>One PostgreSQL as Pacemaker sees it.</summary>
public sealed record PacemakerServer
{
    private const string Infinity = "INFINITY";

    /// <summary>Its node.</summary>
    public required CibNode Node { get; init; }

    /// <summary>Whether it is the primary or a standby; unknown while it is neither.</summary>
    public required NodeRole Role { get; init; }

    /// <summary>The condition it is in.</summary>
    public required NodeState State { get; init; }

    /// <summary>How it takes part in synchronous replication.</summary>
    public required SyncState SyncState { get; init; }

    /// <summary>How often it failed, by what it did (<c>start</c>, <c>monitor</c>); <see cref="int.MaxValue"/> when Pacemaker gave up.</summary>
    public required IReadOnlyDictionary<string, int> Failures { get; init; }

    /// <summary>What this is judged by, in the words of the resource agent.</summary>
    public required string Evidence { get; init; }

    internal static PacemakerServer Of(CibNode node, PgsqlResource resource)
    {
        var status = node.IsOnline ? node.Transient.GetValueOrDefault(resource.Name + "-status", "") : "";
        var data = node.Attributes.GetValueOrDefault(resource.Name + "-data-status", "");
        var (role, state, sync) = (node.IsOnline, status) switch
        {
            (false, _) => (NodeRole.Unknown, NodeState.Unreachable, SyncState.None),
            (_, "PRI") => (NodeRole.Primary, NodeState.Running, SyncState.None),
            (_, "HS:sync") => (NodeRole.Standby, NodeState.Running, SyncState.Sync),
            (_, "HS:potential") => (NodeRole.Standby, NodeState.Running, SyncState.Potential),
            (_, "HS:async") => (NodeRole.Standby, NodeState.Running, SyncState.Async),
            (_, "HS:connected" or "HS:alone") => (NodeRole.Standby, NodeState.NotStreaming, SyncState.None),
            (_, "STOP") => (NodeRole.Unknown, NodeState.Stopped, SyncState.None),
            _ => (NodeRole.Unknown, NodeState.Unknown, SyncState.None),
        };
        return new PacemakerServer
        {
            Node = node,
            Role = role,
            State = state,
            SyncState = sync,
            Failures = FailuresOf(node, resource),
            Evidence = node.IsOnline ? $"{(status.Length > 0 ? status : "no status")}, {(data.Length > 0 ? data : "no data-status")}" : "its node is offline",
        };
    }

    /// <summary>Attributes like <c>fail-count-Postgresql#start_0</c>: what was done, and its interval in ms.</summary>
    private static Dictionary<string, int> FailuresOf(CibNode node, PgsqlResource resource)
    {
        var prefix = $"fail-count-{resource.Name}#";
        var failures = new Dictionary<string, int>(StringComparer.Ordinal);
        foreach (var (name, value) in node.Transient.Where(a => a.Key.StartsWith(prefix, StringComparison.Ordinal)))
        {
            var action = name[prefix.Length..];
            action = action.LastIndexOf('_') is > 0 and var end ? action[..end] : action;
            var count = value == Infinity ? int.MaxValue : int.TryParse(value, CultureInfo.InvariantCulture, out var times) ? times : 0;
            failures[action] = (int)Math.Min(int.MaxValue, (long)count + failures.GetValueOrDefault(action));
        }

        return failures;
    }
}

using PgCluster.Engine;
using PgCluster.Engine.Nodes;
using PgCluster.Engine.Synchronous;

namespace PgCluster.Tests.Unit.Leadership.Protocol;

/// <summary>What servers do and show.</summary>
internal static class Servers
{
    public static Lsn Position(ProtocolNode n) => new(1000 + (ulong)n.Log.Length);

    public static void Start(ProtocolNode n) => (n.Server, n.StoppedByAgent) = (NodeState.Running, false);

    public static void Stop(ProtocolNode n, NodeState state)
    {
        if (n.Server == NodeState.Running)
        {
            n.Server = state;
        }

        (n.ServerFrozen, n.Late, n.Serving, n.NamesBefore) = (false, false, 0, null);
    }

    public static bool IsPrefix(ProtocolNode n, ProtocolNode upstream) => upstream.Log.StartsWith(n.Log, StringComparison.Ordinal);

    public static bool IsStreaming(ProtocolState s, ProtocolNode n) =>
        n is { IsRunningStandby: true, ServerFrozen: false, Upstream: >= 0 and var at }
        && s.Nodes[at] is { Server: NodeState.Running, ServerFrozen: false } upstream && s.AreLinked(n.Index, at) && IsPrefix(n, upstream);

    public static bool IsStreamingFrom(ProtocolState s, ProtocolNode n, ProtocolNode upstream) => n.Upstream == upstream.Index && n != upstream && IsStreaming(s, n);

    /// <summary>Every list by which a commit may be acknowledged now.</summary>
    public static IEnumerable<SynchronousList> ListsInUse(ProtocolNode n) =>
        [SynchronousList.Parse(n.Names), .. (n.NamesBefore?.Split('\n') ?? []).Select(SynchronousList.Parse)];

    /// <summary>From now on the server shows another list; its WAL senders go by it one after another.</summary>
    public static void SetNames(ProtocolNode n, string names)
    {
        if (names != n.Names)
        {
            n.NamesBefore = n.IsWritable ? n.NamesBefore is { } before ? $"{before}\n{n.Names}" : n.Names : null;
            n.Names = names;
        }
    }

    /// <summary>The standbys that stream and count for a commit: with FIRST no more than it asks for, in its order.</summary>
    public static IEnumerable<ProtocolNode> Counting(ProtocolState s, ProtocolNode primary, SynchronousList list)
    {
        var connected = list.Standbys.Select(name => s.Nodes[ProtocolModel.Index(name)]).Where(m => IsStreamingFrom(s, m, primary));
        return list.Method == Engine.Configuration.SynchronousMethod.Any ? connected : connected.Take(list.Count);
    }

    /// <summary>What a probe of the server says.</summary>
    public static PostgresStatus Status(ProtocolState s, ProtocolNode n)
    {
        var counting = n.IsWritable ? Counting(s, n, SynchronousList.Parse(n.Names)).ToArray() : [];
        return new PostgresStatus
        {
            State = n.Server != NodeState.Running ? n.Server
                : n.ServerFrozen ? NodeState.Unknown
                : n.Role == NodeRole.Standby && !IsStreaming(s, n) ? NodeState.NotStreaming : NodeState.Running,
            Role = n.Role,
            Timeline = n.Timeline,
            Lsn = Position(n),
            SynchronousStandbyNames = n.Names,
            Standbys = n.IsWritable
                ? [.. s.Nodes.Where(m => IsStreamingFrom(s, m, n)).Select(m => new ReplicationPeer(
                    m.Name, "streaming", counting.Contains(m) ? SyncState.Quorum : SyncState.Async, null, Position(m), null))]
                : [],
        };
    }
}

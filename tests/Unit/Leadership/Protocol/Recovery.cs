namespace PgCluster.Tests.Unit.Leadership.Protocol;

/// <summary>With every fault mended somebody leads again, accepts writes, and every other node streams from it, within bounded moves.</summary>
internal static class Recovery
{
    /// <summary>Why not; null when it is so.</summary>
    public static string? Fails(ProtocolModel model, ProtocolState from)
    {
        var s = from;
        while (model.Enabled(s).Where(m => m.Mends).Cast<Move?>().FirstOrDefault() is { } mend)
        {
            s = model.Apply(s, mend);
        }

        for (var round = 0; round < 40; round++)
        {
            var looks = new int[s.Nodes.Length];
            for (var i = 0; i < 400 && Next(s, [.. model.Enabled(s).Where(m => m.Kind != MoveKind.Look || looks[m.Node] < 4)], round) is { } move; i++)
            {
                looks[move.Node] += move.Kind == MoveKind.Look ? 1 : 0;
                s = model.Apply(s, move);
            }

            if (IsWell(s))
            {
                return null;
            }

            s = model.Apply(s, new Move(MoveKind.Time, 0, ProtocolClock.TimeToLive / 6));
        }

        return $"nobody leads in the end: leader {s.Store.Leader?.Node ?? "-"}, last {s.Store.Last}, policy {s.Store.Policy?.ToJson()}, operation {s.Store.Operation}, "
            + string.Join("; ", s.Nodes.Select(n =>
                $"{n.Name} {n.Role} {n.Server} timeline {n.Timeline} wal {n.Log} of {n.Upstream} names {n.Names} held {n.Lease != 0} lost {n.Lost} doing {n.Doing} for {n.StoppedFor}"));
    }

    private static bool IsWell(ProtocolState s) =>
        s.Store.LeaderIndex is >= 0 and var leader && s.Nodes[leader] is { IsWritable: true, Lost: false, Lease: not 0 } && s.Nodes.All(n => n.Index == leader || n.Upstream == leader);

    /// <summary>What comes next where nothing fails and everything is prompt.</summary>
    private static Move? Next(ProtocolState s, Move[] enabled, int round) => enabled
        .Where(m => !m.IsFault && !m.Mends && m.Kind is not (MoveKind.Time or MoveKind.Commit or MoveKind.ListByHand or MoveKind.FollowAnyone or MoveKind.PlanBegins
            or MoveKind.PlanStops or MoveKind.PlanPromotes or MoveKind.Suspend)
            && !(m is { Kind: MoveKind.Look, Other: not 0 } && round < 8)
            && !(m.Kind == MoveKind.Decide && enabled.Any(v => v.Kind == MoveKind.Vote && v.Node == m.Node))
            && !(m.Kind == MoveKind.Look && s.Store.Leader is null && s.Nodes[m.Node].Role == NodeRole.Standby && round % s.Nodes.Length != m.Node))
        .OrderBy(m => m.Kind is MoveKind.Look)
        .ThenBy(m => m.Other)
        .Cast<Move?>()
        .FirstOrDefault();
}

using System.Globalization;

namespace PgCluster.Engine.Rejoin;

/// <summary>
/// The rule by which a node comes back as a standby: follow when everything it has is part of the upstream's history, else take back what is not
/// (pg_rewind), else start from a new copy. WAL that only this node has is never silently kept: a standby that replays it can never stream again.
/// </summary>
public static class RejoinPolicy
{
    /// <summary>How this node can follow that upstream.</summary>
    public static RejoinPlan Decide(RejoinSituation situation, RejoinOptions options)
    {
        ArgumentNullException.ThrowIfNull(situation);
        ArgumentNullException.ThrowIfNull(options);
        var (node, upstream) = situation;
        if (node is { Running: true, Role: NodeRole.Primary })
        {
            return new RejoinPlan(RejoinMethod.Impossible, "it runs as a primary: it has to be stopped first");
        }

        if (!node.HasData)
        {
            return Clone(new RejoinPlan(RejoinMethod.Clone, "it has no data directory to start from", DiscardedBytes: 0), options);
        }

        if (node.SystemIdentifier != upstream.SystemIdentifier)
        {
            var why = $"its data directory is of another cluster (system identifier {node.SystemIdentifier}, {upstream.Name} has {upstream.SystemIdentifier})";
            return options.CloneAnyway
                ? new RejoinPlan(RejoinMethod.Clone, $"{why}, and a clone was asked for", KeepCopy: options.KeepCopy)
                : new RejoinPlan(RejoinMethod.Impossible, $"{why}: only a clone that is asked for explicitly replaces it");
        }

        var loss = Compare(node, upstream);
        if (options.CloneAnyway)
        {
            return loss with { Method = RejoinMethod.Clone, Why = "a clone was asked for", KeepCopy = options.KeepCopy };
        }

        return loss.Method switch
        {
            RejoinMethod.Rewind => Rewind(node, loss, options),
            RejoinMethod.Clone => Clone(loss, options),
            _ => loss,
        };
    }

    /// <summary>Whether the node's WAL is in the way: what would have to be done if everything were allowed and possible.</summary>
    private static RejoinPlan Compare(RejoinNode node, RejoinUpstream upstream)
    {
        if (node.HalfRewound)
        {
            // What its control file and WAL say is partly the upstream's by now: only the rewind itself still knows what the node had.
            return new RejoinPlan(RejoinMethod.Rewind, "an earlier rewind did not come to its end, so it must not be started as it is");
        }

        var own = node.History;
        if (own.ForkFrom(upstream.History) is not { } fork)
        {
            return new RejoinPlan(
                RejoinMethod.Clone, Text($"its timeline {own.Timeline} and timeline {upstream.History.Timeline} of {upstream.Name} have no ancestor in common"));
        }

        // An upstream that never left the timeline they parted on may be behind that point: then the position is what they share.
        var limit = fork.Lsn is { } left && left < upstream.Position ? left : upstream.Position;

        // pg_rewind takes two servers on timelines of one number for the same line, whatever their history says, and a source for complete up to
        // the fork, whatever its position says.
        var beyond = own.Timeline == upstream.History.Timeline || upstream.Position < fork.Lsn ? RejoinMethod.Clone : RejoinMethod.Rewind;
        var loss = new RejoinPlan(
            beyond, "", fork.Lsn, own.Timeline, node.WalEnd is { } end ? limit.BytesBehind(end) : null,
            node.WalEnd > limit ? limit : null, node.WalEnd > limit ? node.WalEnd : null);
        var parting = fork.Lsn is { } at
            ? Text($"{upstream.Name} left timeline {fork.Timeline} at {at}")
            : Text($"{upstream.Name} is at {limit} of the same timeline {fork.Timeline}");
        if (own.Timeline != fork.Timeline)
        {
            return loss with { Why = Text($"it went on on timeline {own.Timeline}, which {upstream.Name} does not know; {parting}") };
        }

        if (node.WalEnd is { } known)
        {
            return known > limit
                ? loss with { Why = Text($"its WAL ends at {known}, beyond what {upstream.Name} has: {parting}") }
                : Follow(Text($"its WAL ends at {known}; {parting}"), fork.Lsn);
        }

        if (node.Checkpoint >= limit)
        {
            return loss with { Why = Text($"its latest checkpoint is at {node.Checkpoint}, beyond what {upstream.Name} has: {parting}") };
        }

        // A clean primary wrote nothing after its shutdown checkpoint, and no timeline forks inside a record.
        return node is { CleanShutdown: true, Role: NodeRole.Primary }
            ? Follow(Text($"it was shut down at {node.Checkpoint}; {parting}"), fork.Lsn)
            : loss with { Why = Text($"nobody can say where its WAL ends; {parting}") };
    }

    private static RejoinPlan Rewind(RejoinNode node, RejoinPlan loss, RejoinOptions options)
    {
        if (options.AllowRewind && node.CanBeRewound)
        {
            return loss with { KeepCopy = options.KeepCopy };
        }

        var obstacle = node.CanBeRewound ? "pg_rewind is not allowed" : "pg_rewind needs wal_log_hints or data checksums, and both are off";
        return Clone(loss with { Method = RejoinMethod.Clone, Why = $"{loss.Why}; {obstacle}" }, options);
    }

    private static RejoinPlan Clone(RejoinPlan loss, RejoinOptions options) => options.AllowClone || options.CloneAnyway
        ? loss with { KeepCopy = options.KeepCopy }
        : loss with { Method = RejoinMethod.Impossible, Why = $"{loss.Why}; a new base backup would help and is not allowed" };

    private static RejoinPlan Follow(string why, Lsn? fork) => new(RejoinMethod.Follow, why, fork, DiscardedBytes: 0);

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}

using System.Globalization;
using PgCluster.Engine.Failover;
using PgCluster.Engine.Leadership;

namespace PgCluster.Tests.Unit.Leadership.Protocol;

/// <summary>What an agent has read of the store; a revision of 0 is an absent key.</summary>
internal sealed record StoreBallot(
    LeaderRecord? Leader, int LeaderRevision, int BeatTerm, int BeatAt, int BeatRevision, LastLeader? Last, int LastRevision, OperationDecision? Operation, int OperationRevision, SynchronousPolicyRecord? Policy,
    int PolicyRevision)
{
    /// <summary>
    /// True when nobody leads, or whoever does has been silent for that long, by the clock of a node that heard its latest beat at once: the first that may count so.
    /// </summary>
    public bool IsOver(int now, int length) => Leader is null
        || (BeatTerm.ToString(CultureInfo.InvariantCulture) == Leader.Term && Last is { Unguarded: false } && Last.Term == Leader.Term && now - BeatAt >= length);
}

using PgCluster.Engine.Failover;
using PgCluster.Engine.Leadership;

namespace PgCluster.Tests.Unit.Leadership.Protocol;

/// <summary>The store of a <see cref="ProtocolState"/>: keys with their revisions, and leases that end by its own clock.</summary>
internal sealed class ProtocolStore
{
    public int Revision { get; set; } = 1;

    public LeaderRecord? Leader { get; set; }

    public int LeaderRevision { get; set; }

    public int LeaderLease { get; set; }

    public LastLeader? Last { get; set; }

    public int LastRevision { get; set; }

    /// <summary>The term that beats, when its latest beat came, and the key's revision.</summary>
    public int BeatTerm { get; set; }

    public int BeatAt { get; set; }

    public int BeatRevision { get; set; }

    public OperationDecision? Operation { get; set; }

    public int OperationRevision { get; set; }

    public SynchronousPolicyRecord? Policy { get; set; }

    public int PolicyRevision { get; set; }

    public bool Suspended { get; set; }

    /// <summary>The cluster's lock; 0 when nobody holds it.</summary>
    public int Lock { get; set; }

    /// <summary>Nodes whose latest report says that they run as a primary, as bits.</summary>
    public int ReportedPrimaries { get; set; }

    /// <summary>Ends of the leases.</summary>
    public SortedDictionary<int, int> Leases { get; private set; } = [];

    public int LeaderIndex => Leader is null ? -1 : ProtocolModel.Index(Leader.Node);

    public StoreBallot Read() => new(Leader, LeaderRevision, BeatTerm, BeatAt, BeatRevision, Last, LastRevision, Operation, OperationRevision, Policy, PolicyRevision);

    public void Beat(int term, int now) => (BeatTerm, BeatAt, BeatRevision) = (term, now, ++Revision);

    public void Decide(OperationDecision operation) => (Operation, OperationRevision) = (operation, ++Revision);

    /// <summary>Starts every lease anew, as a store does whose leader has changed.</summary>
    public void RenewAll(int now)
    {
        foreach (var lease in Leases.Keys.ToArray())
        {
            Leases[lease] = now + ProtocolClock.TimeToLive;
        }
    }

    /// <summary>Takes a lease away, and the leader's key where it is under that lease.</summary>
    public void Revoke(int lease)
    {
        Leases.Remove(lease);
        if (LeaderLease == lease)
        {
            (Leader, LeaderRevision, LeaderLease) = (null, 0, 0);
            Revision++;
        }
    }

    public ProtocolStore Clone()
    {
        var copy = (ProtocolStore)MemberwiseClone();
        copy.Leases = new SortedDictionary<int, int>(Leases);
        return copy;
    }
}

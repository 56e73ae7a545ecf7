using PgCluster.Engine.Configuration;
using PgCluster.Engine.Election;
using PgCluster.Engine.Leadership;
using PgCluster.Engine.Nodes;
using PgCluster.Engine.Synchronous;

namespace PgCluster.Tests.Unit.Leadership.Protocol;

/// <summary>
/// The protocol of the leader's lease as steps between states: a store with leases, and nodes with a server, an agent and a guard each. What is decided is decided by
/// the product's own rules (<see cref="NodeDecider"/>, <see cref="ElectionPolicy"/>, <see cref="CrashRule"/>, <see cref="SynchronousPolicyRule"/>,
/// <see cref="LeaderTiming"/>); the model only carries it out, in any order that the world allows.
/// </summary>
/// <remarks>
/// What it assumes: a guard that lives kills within the safety margin, whatever the clocks' drift leaves of it. A guard that is frozen with its whole node, or killed, lets a
/// deadline pass unseen: such a server is not counted among the writable ones until it has been stopped, and must not have anything acknowledged that a later leader
/// lacks. Timelines are told apart by number only.
/// </remarks>
internal sealed class ProtocolModel
{
    private readonly ProtocolSetup _setup;
    private readonly Seat _seat;
    private readonly IProtocolMoves[] _moves;

    public ProtocolModel(ProtocolSetup setup)
    {
        var config = new ClusterConfig
        {
            Name = "model",
            Synchronous = new SynchronousConfig { Mode = setup.Mode, Method = setup.Method, Standbys = Math.Max(1, setup.Standbys) },
            Nodes = [.. Enumerable.Range(0, setup.Nodes).Select(i => new NodeConfig
            {
                Name = Name(i), Host = "127.0.0.1", Agent = new HostPort("127.0.0.1", 1), Http = new HostPort("127.0.0.1", 2),
            })],
        };
        _setup = setup;
        _seat = new Seat(setup);
        var keeper = new ListKeeper(setup, config);
        var agents = new AgentMoves(setup, config, _seat, keeper);
        _moves =
        [
            new TimeMoves(setup, _seat), new SeatMoves(setup, _seat), agents, new VoteMoves(setup, _seat, keeper), new ServerMoves(setup), new PersonMoves(setup),
            new FaultMoves(setup), new PlanMoves(setup, _seat, agents, keeper),
        ];
    }

    public static string Name(int node) => ((char)('a' + node)).ToString();

    public static int Index(string node) => node[0] - 'a';

    /// <summary>Node a leads, the others stream from it.</summary>
    public ProtocolState Initial()
    {
        var s = new ProtocolState { Store = new ProtocolStore(), Nodes = [.. Enumerable.Range(0, _setup.Nodes).Select(i => new ProtocolNode { Index = i })] };
        foreach (var n in s.Nodes)
        {
            n.Names = n.Index == 0 || _setup.Mode == SynchronousMode.Manual ? ListOf(n.Index).Text : "";
            n.Upstream = n.Index == 0 ? -1 : 0;
        }

        var (a, store) = (s.Nodes[0], s.Store);
        a.Role = NodeRole.Primary;
        (a.Lease, a.Term, a.RenewedAt, a.Serving, a.WrittenAt) = (1, 1, s.Now, 1, 1);
        store.Leases[1] = s.Now + ProtocolClock.TimeToLive;
        (store.Leader, store.LeaderLease, store.LeaderRevision) = (new LeaderRecord("a", 1, "1"), 1, 1);
        (store.Last, store.LastRevision) = (new LastLeader("a", 1, "1", Servers.Position(a)), 1);
        (store.Policy, store.PolicyRevision) = (ListOf(0).Of("a", 1), 1);
        store.ReportedPrimaries = 1;
        store.Beat(1, s.Now);
        s.Serial = 2;
        s.CommittedTerms = [1];
        _seat.Arm(a, s.Now);
        return s;
    }

    /// <summary>Everything that can happen next.</summary>
    public IEnumerable<Move> Enabled(ProtocolState s) => s.Nodes.SelectMany(n => _moves.SelectMany(m => m.Enabled(s, n)));

    /// <summary>What a move leads to. Throws <see cref="ProtocolViolation"/> when that must not be.</summary>
    public ProtocolState Apply(ProtocolState before, Move move)
    {
        var s = before.Clone();
        if (!_moves.Any(m => m.Apply(s, s.Nodes[move.Node], move)))
        {
            throw new InvalidOperationException($"nobody knows the move {move}");
        }

        if (_setup.ForbidsTwoWriters)
        {
            Invariants.OneNodeWrites(s);
        }

        return s;
    }

    private SynchronousList ListOf(int node) => _setup.Standbys == 0 || _setup.Mode == SynchronousMode.Performance
        ? SynchronousList.None
        : new SynchronousList(_setup.Method, _setup.Standbys, [.. Enumerable.Range(0, _setup.Nodes).Where(o => o != node).Select(Name)]);
}

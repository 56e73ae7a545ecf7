namespace PgCluster.Tests.Unit.Leadership.Protocol;

/// <summary>One subject of a <see cref="ProtocolModel"/>: its moves, and what each of them does.</summary>
internal interface IProtocolMoves
{
    /// <summary>What can happen next at this node; what belongs to no node, at the first.</summary>
    IEnumerable<Move> Enabled(ProtocolState s, ProtocolNode n);

    /// <summary>Does it; false when the move is none of this subject.</summary>
    bool Apply(ProtocolState s, ProtocolNode n, Move move);
}

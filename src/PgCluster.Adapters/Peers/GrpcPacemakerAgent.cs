using PgCluster.Engine.Nodes;
using PgCluster.Engine.Pacemaker;
using PgCluster.Protos.V1;

namespace PgCluster.Adapters.Peers;

/// <summary>What a node's agent does with Pacemaker, over gRPC.</summary>
internal sealed class GrpcPacemakerAgent(PeerCalls calls) : IPacemakerAgent
{
    public async Task<IReadOnlyList<string>> SimulateMoveAsync(string target, CancellationToken cancellationToken) =>
        [.. (await calls.CallAsync(PeerMethods.SimulateMove, new SimulateMoveRequest { Target = target }, cancellationToken).ConfigureAwait(false)).Actions];

    public Task MoveAsync(OperationToken operation, string target, CancellationToken cancellationToken) =>
        calls.CallAsync(PeerMethods.Move, new MoveRequest { Operation = PeerMessages.ToWire(operation), Target = target }, cancellationToken);

    public async Task<Promotion> WaitForPromotionAsync(OperationToken operation, string node, CancellationToken cancellationToken) => PeerMessages.FromWire(
        await calls.CallAsync(PeerMethods.WaitForPromotion, new WaitForPromotionRequest { Operation = PeerMessages.ToWire(operation), Node = node }, cancellationToken).ConfigureAwait(false));

    public Task ClearMoveAsync(CancellationToken cancellationToken) => calls.CallAsync(PeerMethods.ClearMove, new ClearMoveRequest(), cancellationToken);

    public Task SetStandbyAsync(OperationToken operation, string node, CancellationToken cancellationToken) =>
        calls.CallAsync(PeerMethods.SetStandby, new SetStandbyRequest { Operation = PeerMessages.ToWire(operation), Node = node }, cancellationToken);

    public async Task<string> SettleAsync(OperationToken operation, UpstreamAddress upstream, CancellationToken cancellationToken)
    {
        var request = new SettleRequest
        {
            Operation = PeerMessages.ToWire(operation),
            UpstreamName = upstream.Name,
            UpstreamHost = upstream.Host,
            UpstreamPort = upstream.Port,
        };
        return (await calls.CallAsync(PeerMethods.Settle, request, cancellationToken).ConfigureAwait(false)).Done;
    }
}

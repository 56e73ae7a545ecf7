using PgCluster.Adapters.Peers;
using PgCluster.Agent.Grpc;
using PgCluster.Engine.Nodes;
using PgCluster.Engine.Pacemaker;
using PgCluster.Protos.V1;

namespace PgCluster.Agent.Services;

/// <summary>What an agent does with Pacemaker, on the wire.</summary>
internal static class PacemakerAgentService
{
    public static GrpcServiceMap MapPacemakerAgent(this GrpcServiceMap map, IPacemakerAgent node) => map
        .MapUnary(PeerMethods.SimulateMove, async (request, call) => new SimulateMoveResponse
        {
            Actions = { await node.SimulateMoveAsync(request.Target, call.CancellationToken).ConfigureAwait(false) },
        })
        .MapUnary(PeerMethods.Move, async (request, call) =>
        {
            await node.MoveAsync(PeerMessages.FromWire(request.Operation), request.Target, call.CancellationToken).ConfigureAwait(false);
            return new MoveResponse();
        })
        .MapUnary(PeerMethods.WaitForPromotion, async (request, call) =>
            PeerMessages.ToWire(await node.WaitForPromotionAsync(PeerMessages.FromWire(request.Operation), request.Node, call.CancellationToken).ConfigureAwait(false)))
        .MapUnary(PeerMethods.ClearMove, async (_, call) =>
        {
            await node.ClearMoveAsync(call.CancellationToken).ConfigureAwait(false);
            return new ClearMoveResponse();
        })
        .MapUnary(PeerMethods.SetStandby, async (request, call) =>
        {
            await node.SetStandbyAsync(PeerMessages.FromWire(request.Operation), request.Node, call.CancellationToken).ConfigureAwait(false);
            return new SetStandbyResponse();
        })
        .MapUnary(PeerMethods.Settle, async (request, call) => new SettleResponse
        {
            Done = await node.SettleAsync(
                PeerMessages.FromWire(request.Operation), new UpstreamAddress(request.UpstreamName, request.UpstreamHost, request.UpstreamPort), call.CancellationToken).ConfigureAwait(false),
        });
}

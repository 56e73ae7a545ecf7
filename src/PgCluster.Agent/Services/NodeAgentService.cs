using PgCluster.Adapters.Peers;
using PgCluster.Agent.Grpc;
using PgCluster.Engine.Nodes;
using PgCluster.Engine.Roles;
using PgCluster.Protos.V1;

namespace PgCluster.Agent.Services;

/// <summary>The agent API of one node on the wire.</summary>
internal static class NodeAgentService
{
    public static GrpcServiceMap MapNodeAgent(this GrpcServiceMap map, INodeAgent node) => map
        .MapUnary(PeerMethods.GetStatus, async (_, call) =>
            new GetStatusResponse { StatusJson = (await node.GetStatusAsync(call.CancellationToken).ConfigureAwait(false)).ToJson() })
        .MapUnary(PeerMethods.Vote, async (_, call) =>
            new VoteResponse { StatusJson = (await node.VoteAsync(call.CancellationToken).ConfigureAwait(false)).ToJson() })
        .MapUnary(PeerMethods.Vouch, async (request, call) =>
        {
            await node.VouchAsync(request.Leader, request.Term, call.CancellationToken).ConfigureAwait(false);
            return new VouchResponse();
        })
        .MapUnary(PeerMethods.GetOpenTransactions, async (request, call) => new GetOpenTransactionsResponse
        {
            Transactions =
            {
                (await node.GetOpenTransactionsAsync(TimeSpan.FromMilliseconds(request.OlderThanMs), call.CancellationToken).ConfigureAwait(false))
                    .Select(PeerMessages.ToWire),
            },
        })
        .MapUnary(PeerMethods.TerminateSessions, async (request, call) => new TerminateSessionsResponse
        {
            Terminated = await node.TerminateSessionsAsync(PeerMessages.FromWire(request.Operation), request.Pids, call.CancellationToken).ConfigureAwait(false),
        })
        .MapUnary(PeerMethods.Checkpoint, async (request, call) =>
        {
            await node.CheckpointAsync(PeerMessages.FromWire(request.Operation), call.CancellationToken).ConfigureAwait(false);
            return new CheckpointResponse();
        })
        .MapUnary(PeerMethods.StopPrimary, async (request, call) =>
        {
            var shutdown = await node.StopPrimaryAsync(
                PeerMessages.FromWire(request.Operation), request.Target, TimeSpan.FromMilliseconds(request.ExpiryMs), call.CancellationToken).ConfigureAwait(false);
            return new StopPrimaryResponse { Clean = shutdown.Clean, CheckpointLsn = shutdown.CheckpointLsn.Value, Timeline = shutdown.Timeline };
        })
        .MapUnary(PeerMethods.RestartPrimary, async (request, call) =>
        {
            await node.RestartPrimaryAsync(PeerMessages.FromWire(request.Operation), call.CancellationToken).ConfigureAwait(false);
            return new RestartPrimaryResponse();
        })
        .MapUnary(PeerMethods.WaitForReplay, async (request, call) => new WaitForReplayResponse
        {
            ReplayedLsn = (await node.WaitForReplayAsync(new Lsn(request.Lsn), call.CancellationToken).ConfigureAwait(false)).Value,
        })
        .MapUnary(PeerMethods.Promote, async (request, call) =>
            PeerMessages.ToWire(await node.PromoteAsync(PeerMessages.FromWire(request.Operation), call.CancellationToken).ConfigureAwait(false)))
        .MapUnary(PeerMethods.Follow, async (request, call) =>
        {
            await node.FollowAsync(
                PeerMessages.FromWire(request.Operation),
                new UpstreamAddress(request.UpstreamName, request.UpstreamHost, request.UpstreamPort), call.CancellationToken).ConfigureAwait(false);
            return new FollowResponse { Streaming = true };
        })
        .MapUnary(PeerMethods.Survey, async (request, call) => new SurveyResponse
        {
            SurveyJson = (await node.SurveyAsync([.. request.Others.Select(PeerMessages.FromWire)], call.CancellationToken).ConfigureAwait(false)).ToJson(),
        })
        .MapUnary(PeerMethods.Adopt, async (request, call) =>
        {
            await node.AdoptAsync(
                PeerMessages.FromWire(request.Operation), request.SystemIdentifier, PeerMessages.FromWire(request.Upstream), call.CancellationToken).ConfigureAwait(false);
            return new AdoptResponse();
        })
        .MapUnary(PeerMethods.MakeServer, async (request, call) => new MakeServerResponse
        {
            SystemIdentifier = await node.MakeServerAsync(
                PeerMessages.FromWire(request.Operation), request.Locale, request.Encoding, call.CancellationToken).ConfigureAwait(false),
        })
        .MapUnary(PeerMethods.BeginServer, async (request, call) =>
        {
            await node.BeginServerAsync(PeerMessages.FromWire(request.Operation), call.CancellationToken).ConfigureAwait(false);
            return new BeginServerResponse();
        })
        .MapUnary(PeerMethods.DiscardServer, async (request, call) => new DiscardServerResponse
        {
            Discarded = await node.DiscardServerAsync(PeerMessages.FromWire(request.Operation), call.CancellationToken).ConfigureAwait(false),
        })
        .MapUnary(PeerMethods.InspectRejoin, async (request, call) => PeerMessages.ToWire(await node.InspectRejoinAsync(
            new UpstreamAddress(request.UpstreamName, request.UpstreamHost, request.UpstreamPort), call.CancellationToken).ConfigureAwait(false)))
        .MapUnary(PeerMethods.Rejoin, async (request, call) =>
        {
            var outcome = await node.RejoinAsync(
                PeerMessages.FromWire(request.Operation), new UpstreamAddress(request.UpstreamName, request.UpstreamHost, request.UpstreamPort),
                PeerMessages.FromWire(request), call.CancellationToken).ConfigureAwait(false);
            return new RejoinResponse { Method = outcome.Method.ToString(), KeptDirectory = outcome.KeptDirectory ?? "" };
        })
        .MapUnary(PeerMethods.RestartServer, async (request, call) =>
        {
            await node.RestartServerAsync(PeerMessages.FromWire(request.Operation), call.CancellationToken).ConfigureAwait(false);
            return new RestartServerResponse();
        })
        .MapUnary(PeerMethods.GetSessions, async (_, call) => new GetSessionsResponse
        {
            Sessions = { (await node.GetSessionsAsync(call.CancellationToken).ConfigureAwait(false)).Select(PeerMessages.ToWire) },
        })
        .MapUnary(PeerMethods.AdjustRoles, async (request, call) => new AdjustRolesResponse
        {
            PlanJson = RolePlanJson.ToJson(await node.AdjustRolesAsync(
                new RoleAdjustmentRequest { MaxSteps = request.MaxSteps, PlanOnly = request.PlanOnly, Why = request.Why, Actor = request.Actor },
                call.CancellationToken).ConfigureAwait(false)),
        });
}

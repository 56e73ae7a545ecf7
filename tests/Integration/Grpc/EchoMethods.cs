using PgCluster.Adapters.Grpc;
using PgCluster.Tests.Integration.Grpc.Wire;

namespace PgCluster.Tests.Integration.Grpc;

/// <summary>The methods of echo.proto.</summary>
internal static class EchoMethods
{
    private const string Service = "pgcluster.test.v1.Echo";

    internal static readonly GrpcMethod<EchoRequest, EchoReply> Say = new(Service, "Say");
    internal static readonly GrpcMethod<EchoRequest, EchoReply> Count = new(Service, "Count");
    internal static readonly GrpcMethod<EchoRequest, EchoReply> Talk = new(Service, "Talk");
    internal static readonly GrpcMethod<SeenRequest, SeenReply> Seen = new(Service, "Seen");
    internal static readonly GrpcMethod<EchoRequest, EchoReply> Nowhere = new(Service, "Nowhere");
}

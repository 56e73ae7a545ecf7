using Google.Protobuf;
using PgCluster.Adapters.Grpc;
using PgCluster.Tests.Integration.Grpc.Wire;

namespace PgCluster.Tests.Integration.Grpc;

/// <summary>Assertions that hold against any server of echo.proto.</summary>
internal static class Flights
{
    /// <summary>A server that ends a call under its writer is heard: the writer stops with a GrpcException, the reader gets the status.</summary>
    internal static async Task AssertStatusSurvivesAsync(GrpcChannel channel)
    {
        CancellationToken token = TestContext.Current.CancellationToken;
        await using GrpcDuplexCall<EchoRequest, EchoReply> call = await channel.DuplexAsync(EchoMethods.Talk, GrpcCallOptions.None, token);
        await call.WriteAsync(new EchoRequest { FailCode = (int)GrpcStatusCode.NotFound, FailMessage = "no such" }, token);
        var filler = new EchoRequest { Hang = true, Payload = ByteString.CopyFrom(new byte[20_000]) };

        Task<GrpcException> reading = Assert.ThrowsAsync<GrpcException>(async () =>
        {
            await foreach (EchoReply _ in call.ReadAllAsync(token))
            {
            }
        });
        _ = await Assert.ThrowsAsync<GrpcException>(async () =>
        {
            while (true)
            {
                await call.WriteAsync(filler, token).WaitAsync(Wait.Budget, token);
            }
        });
        GrpcException read = await reading.WaitAsync(Wait.Budget, token);

        Assert.Equal(GrpcStatusCode.NotFound, read.StatusCode);
        Assert.Equal("no such", read.Detail);
    }
}

namespace PgCluster.Agent.Grpc;

/// <summary>Where a handler writes the messages of its answer.</summary>
/// <typeparam name="TResponse">The message of the answer.</typeparam>
public interface IGrpcServerStream<in TResponse>
{
    /// <summary>
    /// Sends one message at once, after those before it; any number of writers may call. Waits while the client reads too slowly. What bounds
    /// the wait is the call itself: see <see cref="GrpcServerContext.CancellationToken"/>.
    /// </summary>
    /// <exception cref="OperationCanceledException">The call is over: the client is gone, the deadline passed, or the server stops.</exception>
    Task WriteAsync(TResponse message);
}

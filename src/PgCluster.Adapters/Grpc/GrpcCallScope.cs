using System.Net.Sockets;
using System.Security.Authentication;

namespace PgCluster.Adapters.Grpc;

/// <summary>
/// What can end one call early (its caller, its deadline, its own disposal), and the one place where failures get their names.
/// </summary>
internal sealed class GrpcCallScope : IDisposable
{
    // A timer takes no more; nobody will be there to see a longer deadline pass.
    private static readonly TimeSpan LongestTimer = TimeSpan.FromMilliseconds(int.MaxValue);

    private readonly CancellationToken _caller;
    private readonly TimeSpan? _timeout;
    private readonly CancellationTokenSource? _deadline;
    private readonly CancellationTokenSource _any;

    internal GrpcCallScope(TimeProvider timeProvider, TimeSpan? timeout, CancellationToken caller)
    {
        caller.ThrowIfCancellationRequested();
        _caller = caller;
        _timeout = timeout;
        if (timeout <= TimeSpan.Zero)
        {
            throw DeadlineExceeded(null);
        }

        if (timeout <= LongestTimer)
        {
            _deadline = new CancellationTokenSource(timeout.Value, timeProvider);
        }

        _any = CancellationTokenSource.CreateLinkedTokenSource(caller, _deadline?.Token ?? CancellationToken.None);
        Token = _any.Token;
    }

    /// <summary>Cancelled when the call has to stop, for whichever reason.</summary>
    internal CancellationToken Token { get; }

    /// <summary>Stops the call from inside.</summary>
    internal void Abort()
    {
        try
        {
            _any.Cancel();
        }
        catch (ObjectDisposedException)
        {
            // The call is over already.
        }
    }

    /// <summary>Names a failure: whose cancellation it was, or which status it amounts to.</summary>
    /// <param name="failure">What was caught.</param>
    /// <param name="operation">The token of the single read or write, when it has one of its own.</param>
    internal Exception Translate(Exception failure, CancellationToken operation = default)
    {
        if (failure is GrpcException)
        {
            return failure;
        }

        if (_caller.IsCancellationRequested)
        {
            return new OperationCanceledException(failure.Message, failure, _caller);
        }

        if (operation.IsCancellationRequested)
        {
            return new OperationCanceledException(failure.Message, failure, operation);
        }

        if (_deadline is { IsCancellationRequested: true })
        {
            return DeadlineExceeded(failure);
        }

        if (Token.IsCancellationRequested)
        {
            return new GrpcException(GrpcStatusCode.Cancelled, "The call was ended on this side.", failure);
        }

        for (Exception? e = failure; e is not null; e = e.InnerException)
        {
            switch (e)
            {
                case GrpcException named:
                    return named;
                case HttpProtocolException reset:
                    return new GrpcException(GrpcStatus.FromHttp2(reset.ErrorCode), $"HTTP/2 error {reset.ErrorCode}: {reset.Message}", failure);
                case SocketException or AuthenticationException or TimeoutException:
                    return new GrpcException(GrpcStatusCode.Unavailable, e.Message, failure);
                default:
                    break;
            }
        }

        return failure is HttpRequestException or IOException or OperationCanceledException
            ? new GrpcException(GrpcStatusCode.Unavailable, failure.Message, failure)
            : failure is ObjectDisposedException
            ? new GrpcException(GrpcStatusCode.Cancelled, "The channel was disposed.", failure)
            : failure;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _any.Dispose();
        _deadline?.Dispose();
    }

    private GrpcException DeadlineExceeded(Exception? inner) =>
        new(GrpcStatusCode.DeadlineExceeded, $"The deadline of {_timeout} passed.", inner);
}

using System.Runtime.CompilerServices;
using Google.Protobuf;

namespace PgCluster.Adapters.Grpc;

/// <summary>
/// A call in which both ends send messages as they like. Writers may be many, the reader is one, and there should always be
/// one: only the reader learns that the server ended the call. Disposing it ends the call on both sides unless it is over already.
/// </summary>
public sealed class GrpcDuplexCall<TRequest, TResponse> : IAsyncDisposable
    where TRequest : IMessage<TRequest>
    where TResponse : IMessage<TResponse>, new()
{
    private readonly GrpcCallScope _scope;
    private readonly GrpcDuplexContent _content;
    private readonly Task<HttpResponseMessage> _response;
    private readonly int _maxReceiveMessageSize;
    private readonly SemaphoreSlim _writing = new(1, 1);
    private readonly SemaphoreSlim _reading = new(1, 1);
    private readonly CancellationTokenRegistration _stop;
    private GrpcResponseReader<TResponse>? _reader;
    private GrpcException? _failure;
    private bool _completed;
    private int _disposed;

    internal GrpcDuplexCall(
        GrpcCallScope scope, GrpcDuplexContent content, Task<HttpResponseMessage> response, int maxReceiveMessageSize)
    {
        _scope = scope;
        _content = content;
        _response = response;
        _maxReceiveMessageSize = maxReceiveMessageSize;

        // A deadline or a cancellation must reach the server also while nobody reads or writes.
        _stop = scope.Token.UnsafeRegister(static state => ((GrpcDuplexCall<TRequest, TResponse>)state!).Reset(), this);
    }

    /// <summary>Sends one message and does not hold it back. Returns when it is handed to the network.</summary>
    /// <param name="message">What to send.</param>
    /// <param name="cancellationToken">Ends the whole call when it fires during the write: half a message cannot be taken back.</param>
    /// <exception cref="GrpcException">The status of the call when it is over; Unavailable when the peer ended it and nobody read its status yet.</exception>
    /// <exception cref="InvalidOperationException"><see cref="CompleteAsync"/> was called.</exception>
    /// <exception cref="OperationCanceledException">This token, or the call's, fired.</exception>
    public async Task WriteAsync(TRequest message, CancellationToken cancellationToken)
    {
        ObjectDisposedException.ThrowIf(_disposed != 0, this);
        await _writing.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            if (_completed)
            {
                throw new InvalidOperationException("Nothing can be written after the request was completed.");
            }

            if (_failure is { } failure)
            {
                throw new GrpcException(failure.StatusCode, failure.Detail, failure) { Trailers = failure.Trailers };
            }

            using var linked = new LinkedToken(_scope.Token, cancellationToken);
            await WriteAsync(message, linked.Token, cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            _writing.Release();
        }
    }

    /// <summary>Says that no message follows; the server may go on sending.</summary>
    public async Task CompleteAsync()
    {
        ObjectDisposedException.ThrowIf(_disposed != 0, this);
        await _writing.WaitAsync().ConfigureAwait(false);
        _completed = true;
        _content.Complete();
        _writing.Release();
    }

    /// <summary>
    /// The server's messages as they come; ends when the call ends with Ok. May be left and entered again (the rest follows),
    /// but not by two at a time.
    /// </summary>
    /// <param name="cancellationToken">Ends the whole call when it fires while a message is awaited.</param>
    /// <exception cref="GrpcException">The status the call ended with.</exception>
    /// <exception cref="InvalidOperationException">Somebody else is reading.</exception>
    /// <exception cref="OperationCanceledException">This token, or the call's, fired.</exception>
    public async IAsyncEnumerable<TResponse> ReadAllAsync([EnumeratorCancellation] CancellationToken cancellationToken)
    {
        ObjectDisposedException.ThrowIf(_disposed != 0, this);
        if (!_reading.Wait(0, CancellationToken.None))
        {
            throw new InvalidOperationException("The call's messages are being read already.");
        }

        try
        {
            using var linked = new LinkedToken(_scope.Token, cancellationToken);
            while (await MoveNextAsync(linked.Token, cancellationToken).ConfigureAwait(false))
            {
                yield return _reader!.Current;
            }
        }
        finally
        {
            _reading.Release();
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _disposed, 1) != 0)
        {
            return;
        }

        await _stop.DisposeAsync().ConfigureAwait(false);
        _scope.Abort();
        Reset();
        try
        {
            (await _response.ConfigureAwait(false)).Dispose();
        }
        catch (Exception e) when (e is HttpRequestException or OperationCanceledException or IOException or GrpcException or ObjectDisposedException)
        {
            // The call ends here, however it fared.
        }

        _reader?.Dispose();
        _scope.Dispose();
    }

    private async ValueTask WriteAsync(TRequest message, CancellationToken linked, CancellationToken operation)
    {
        try
        {
            await _content.WriteAsync(message, linked).ConfigureAwait(false);
        }
        catch (Exception e) when (e is IOException or OperationCanceledException or ObjectDisposedException or HttpRequestException)
        {
            Exception named = _scope.Translate(e, operation);
            if (operation.IsCancellationRequested)
            {
                // Half a message may be on the wire. Any other failure leaves the call to its reader, who learns the peer's status.
                _scope.Abort();
            }

            throw named;
        }
    }

    private async ValueTask<bool> MoveNextAsync(CancellationToken linked, CancellationToken operation)
    {
        if (_failure is { } failure)
        {
            throw new GrpcException(failure.StatusCode, failure.Detail, failure) { Trailers = failure.Trailers };
        }

        try
        {
            _reader ??= await GrpcResponseReader<TResponse>.OpenAsync(
                await _response.WaitAsync(linked).ConfigureAwait(false), _maxReceiveMessageSize, linked).ConfigureAwait(false);
            if (await _reader.MoveNextAsync(linked).ConfigureAwait(false))
            {
                return true;
            }

            // The server is done with the call; without this the request would stay open for ever.
            _content.Complete();
            return false;
        }
        catch (Exception e)
        {
            Exception named = _scope.Translate(e, operation);
            _failure = named as GrpcException;
            _scope.Abort();
            if (ReferenceEquals(named, e))
            {
                throw;
            }

            throw named;
        }
    }

    private void Reset()
    {
        _content.Abort();
        if (_response.IsCompletedSuccessfully)
        {
            _response.Result.Dispose();
        }
    }
}

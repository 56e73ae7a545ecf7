using System.Buffers;
using System.Buffers.Binary;
using System.IO.Pipelines;
using System.Runtime.CompilerServices;
using Google.Protobuf;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core.Features;
using Microsoft.Extensions.Logging;
using PgCluster.Adapters.Grpc;

namespace PgCluster.Agent.Grpc;

/// <summary>One call on the server: its request's messages, its answer, and the one place where it ends.</summary>
internal sealed class GrpcServerCall<TRequest, TResponse> : IGrpcServerStream<TResponse>, IDisposable
    where TRequest : IMessage<TRequest>, new()
    where TResponse : IMessage<TResponse>, new()
{
    // HTTP/2's CANCEL; a gRPC client takes it for the end of a call it gave up.
    private const int Http2Cancel = 0x8;

    // A timer takes no more, and no client waits longer.
    private static readonly TimeSpan LongestTimer = TimeSpan.FromMilliseconds(int.MaxValue);

    // How long a half-written message may outlive the deadline. The client's own timer ends the call in the same moment and knows why;
    // a reset that overtakes it would tell the client that somebody cancelled, not that its time was up.
    private static readonly TimeSpan ClientsTurn = TimeSpan.FromSeconds(1);

    private readonly HttpContext _http;
    private readonly ILogger _logger;
    private readonly TimeProvider _timeProvider;
    private readonly long _started;
    private readonly CancellationToken _stopping;
    private readonly CancellationToken _replaced;
    private readonly CancellationTokenSource? _deadline;
    private readonly CancellationTokenSource? _overdue;
    private readonly CancellationTokenSource _any;
    private readonly CancellationTokenSource _cut;
    private readonly GrpcMessageReader<TRequest> _messages;
    private readonly GrpcException? _malformed;
    private readonly SemaphoreSlim _writing = new(1, 1);
    private bool _begun;
    private bool _ended;

    internal GrpcServerCall(HttpContext http, GrpcServerOptions options, ILogger logger, CancellationToken stopping, CancellationToken replaced)
    {
        _http = http;
        _logger = logger;
        _timeProvider = options.TimeProvider;
        _started = _timeProvider.GetTimestamp();
        _stopping = stopping;
        _replaced = replaced;

        // A stream may be silent for hours and grow without end; Kestrel's limits for uploads would end it.
        if (http.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } size)
        {
            size.MaxRequestBodySize = null;
        }

        if (http.Features.Get<IHttpMinRequestBodyDataRateFeature>() is { } rate)
        {
            rate.MinDataRate = null;
        }

        TimeSpan? timeout = null;
        if (http.Request.Headers[GrpcTimeout.HeaderName] is [{ } text, ..])
        {
            if (GrpcTimeout.TryParse(text, out TimeSpan parsed))
            {
                timeout = parsed;
            }
            else
            {
                _malformed = new GrpcException(GrpcStatusCode.Internal, $"The {GrpcTimeout.HeaderName} header is malformed.");
            }
        }

        if (timeout <= LongestTimer)
        {
            _deadline = new CancellationTokenSource(timeout.Value, _timeProvider);
        }

        if (timeout <= LongestTimer - ClientsTurn)
        {
            _overdue = new CancellationTokenSource(timeout.Value + ClientsTurn, _timeProvider);
        }

        _any = CancellationTokenSource.CreateLinkedTokenSource(
            http.RequestAborted, stopping, replaced, _deadline?.Token ?? CancellationToken.None);
        _cut = CancellationTokenSource.CreateLinkedTokenSource(
            http.RequestAborted, stopping, replaced, _overdue?.Token ?? CancellationToken.None);
        Context = new GrpcServerContext(
            http.Request.Path,
            $"{http.Connection.RemoteIpAddress}:{http.Connection.RemotePort}",
            timeout is null ? null : _timeProvider.GetUtcNow() + timeout,
            CollectMetadata(http.Request.Headers),
            _any.Token);
        _messages = new GrpcMessageReader<TRequest>(
            http.Request.Body, options.MaxReceiveMessageSize, http.Request.Headers[GrpcMetadata.Encoding]);
    }

    /// <summary>What the handler is told.</summary>
    internal GrpcServerContext Context { get; }

    /// <inheritdoc/>
    public async Task WriteAsync(TResponse message)
    {
        await _writing.WaitAsync(Context.CancellationToken).ConfigureAwait(false);
        try
        {
            ThrowIfOver();
            WriteToBuffer(message);

            // A client that does not read must not hold the handler beyond the call's own end: resetting the stream frees the flush.
            using CancellationTokenRegistration reset = _cut.Token.UnsafeRegister(
                static state => ((GrpcServerCall<TRequest, TResponse>)state!).Reset(), this);
            await _http.Response.BodyWriter.FlushAsync(CancellationToken.None).ConfigureAwait(false);
            Context.CancellationToken.ThrowIfCancellationRequested();
        }
        finally
        {
            _writing.Release();
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _messages.Dispose();
        _any.Dispose();
        _cut.Dispose();
        _deadline?.Dispose();
        _overdue?.Dispose();
        _writing.Dispose();
    }

    /// <summary>Lets the handler serve the call, and ends it with its status; at the deadline without waiting for the handler.</summary>
    internal async Task RunAsync(Func<GrpcServerCall<TRequest, TResponse>, Task> serve)
    {
        GrpcServerLog.CallStarted(_logger, Context.Method, Context.Peer, _http.TraceIdentifier);
        Task<GrpcException?> outcome = ServeAsync(serve);
        if (_deadline is not null && !outcome.IsCompleted)
        {
            var passed = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            using CancellationTokenRegistration registration = _deadline.Token.UnsafeRegister(
                static state => ((TaskCompletionSource)state!).TrySetResult(), passed);
            if (await Task.WhenAny(outcome, passed.Task).ConfigureAwait(false) == passed.Task)
            {
                await EndAsync(DeadlineExceeded()).ConfigureAwait(false);
            }
        }

        await EndAsync(await outcome.ConfigureAwait(false)).ConfigureAwait(false);
    }

    /// <summary>The one message of a request that has exactly one.</summary>
    internal async Task<TRequest> ReadSingleAsync()
    {
        if (!await ReadAsync(Context.CancellationToken).ConfigureAwait(false))
        {
            throw new GrpcException(GrpcStatusCode.Internal, "The request has no message.");
        }

        TRequest request = _messages.Current;
        return await ReadAsync(Context.CancellationToken).ConfigureAwait(false)
            ? throw new GrpcException(GrpcStatusCode.Internal, "The request has more than one message.")
            : request;
    }

    /// <summary>The messages of the request as they come.</summary>
    internal async IAsyncEnumerable<TRequest> ReadAllAsync([EnumeratorCancellation] CancellationToken cancellationToken)
    {
        using CancellationTokenSource linked = CancellationTokenSource.CreateLinkedTokenSource(Context.CancellationToken, cancellationToken);
        while (await ReadAsync(linked.Token).ConfigureAwait(false))
        {
            yield return _messages.Current;
        }
    }

    /// <summary>The one message of an answer that has exactly one; goes out together with the status.</summary>
    internal void SetAnswer(TResponse message)
    {
        _writing.Wait(CancellationToken.None);
        try
        {
            ThrowIfOver();
            WriteToBuffer(message);
        }
        finally
        {
            _writing.Release();
        }
    }

    private static List<KeyValuePair<string, string>> CollectMetadata(IHeaderDictionary headers)
    {
        var metadata = new List<KeyValuePair<string, string>>();
        foreach ((string name, Microsoft.Extensions.Primitives.StringValues values) in headers)
        {
#pragma warning disable CA1308 // Metadata keys are lower case on the wire.
            string key = name.ToLowerInvariant();
#pragma warning restore CA1308
            if (key.StartsWith(':') || key.StartsWith("grpc-", StringComparison.Ordinal) || key is "te" or "content-type" or "host")
            {
                continue;
            }

            foreach (string? value in values)
            {
                metadata.Add(new(key, value ?? ""));
            }
        }

        return metadata;
    }

    private async Task<GrpcException?> ServeAsync(Func<GrpcServerCall<TRequest, TResponse>, Task> serve)
    {
        try
        {
            if (_malformed is not null)
            {
                return _malformed;
            }

            await serve(this).ConfigureAwait(false);
            return null;
        }
        catch (Exception e)
        {
            if (e is GrpcException or PgClusterException)
            {
                return GrpcServerResponse.ToStatus(e);
            }

            // A handler that was interrupted throws what it likes; the interruption is what happened.
            GrpcException? interruption = Interruption();
            if (interruption is null || e is not (OperationCanceledException or IOException))
            {
                GrpcServerLog.HandlerFault(_logger, e, Context.Method, Context.Peer, _http.TraceIdentifier);
            }

            return interruption ?? GrpcServerResponse.ToStatus(e);
        }
    }

    // Why the call's token fired; null when it did not.
    private GrpcException? Interruption() =>
        _deadline is { IsCancellationRequested: true } ? DeadlineExceeded()
        : _http.RequestAborted.IsCancellationRequested ? new GrpcException(GrpcStatusCode.Cancelled, "The client is gone.")
        : _replaced.IsCancellationRequested ? new GrpcException(GrpcStatusCode.Unavailable, "The process was replaced: call again, the next one answers.")
        : _stopping.IsCancellationRequested ? new GrpcException(GrpcStatusCode.Unavailable, "The server is stopping.")
        : null;

    private static GrpcException DeadlineExceeded() => new(GrpcStatusCode.DeadlineExceeded, "The deadline passed.");

    private async ValueTask<bool> ReadAsync(CancellationToken cancellationToken)
    {
        try
        {
            return await _messages.ReadAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (Exception e) when (e is IOException && _http.RequestAborted.IsCancellationRequested)
        {
            throw new OperationCanceledException(e.Message, e, Context.CancellationToken);
        }
    }

    private void ThrowIfOver()
    {
        Context.CancellationToken.ThrowIfCancellationRequested();
        if (_ended)
        {
            throw new InvalidOperationException("The call has ended.");
        }
    }

    // Straight into Kestrel's buffer, in pieces as large as that has them.
    private void WriteToBuffer(TResponse message)
    {
        if (!_begun)
        {
            _begun = true;
            _http.Response.ContentType = GrpcMetadata.ContentType;
        }

        PipeWriter writer = _http.Response.BodyWriter;
        Span<byte> header = writer.GetSpan(GrpcFrame.HeaderLength);
        header[0] = 0;
        BinaryPrimitives.WriteUInt32BigEndian(header[1..], (uint)message.CalculateSize());
        writer.Advance(GrpcFrame.HeaderLength);
        message.WriteTo((IBufferWriter<byte>)writer);
    }

    private async Task EndAsync(GrpcException? status)
    {
        // Only at the deadline can somebody be writing, and the reset frees that writer: a status has no place in the middle of a message.
        await _writing.WaitAsync(CancellationToken.None).ConfigureAwait(false);
        try
        {
            if (_ended)
            {
                return;
            }

            _ended = true;
            Report(status);
            if (_http.RequestAborted.IsCancellationRequested)
            {
                return;
            }

            if (status is not null && !_begun)
            {
                GrpcServerResponse.WriteTrailersOnly(_http.Response, status);
            }
            else
            {
                if (!_begun)
                {
                    _http.Response.ContentType = GrpcMetadata.ContentType;
                }

                GrpcServerResponse.WriteTrailers(_http.Response, status);
            }

            await _http.Response.CompleteAsync().ConfigureAwait(false);
        }
        finally
        {
            _writing.Release();
        }
    }

    private void Report(GrpcException? status)
    {
        double elapsed = _timeProvider.GetElapsedTime(_started).TotalMilliseconds;
        if (status is null)
        {
            GrpcServerLog.CallEnded(_logger, Context.Method, Context.Peer, _http.TraceIdentifier, GrpcStatusCode.Ok, elapsed);
        }
        else
        {
            GrpcServerLog.CallFailed(_logger, Context.Method, Context.Peer, _http.TraceIdentifier, status.StatusCode, elapsed, status.Detail);
        }
    }

    private void Reset() => _http.Features.Get<IHttpResetFeature>()?.Reset(Http2Cancel);
}

using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace PgCluster.Adapters.PgBouncer;

/// <summary>
/// The client's half of SCRAM-SHA-256 without channel binding (RFC 5802, RFC 7677): three messages out, each computed from what came in.
/// The user's name stays empty in it, as in all of PostgreSQL: the one of the startup packet counts.
/// </summary>
internal sealed class ScramExchange
{
    public const string Mechanism = "SCRAM-SHA-256";

    // A server that asks for more rounds than this is out to keep us busy.
    private const int MaxIterations = 1_000_000;

    private readonly byte[] _password;
    private readonly string _clientNonce;
    private readonly string _name;
    private byte[] _serverSignature = [];

    public ScramExchange(string password, string? clientNonce = null, string name = "")
    {
        // SASLprep's normalisation; text that cannot be normalised is used as it is, as the server does.
        _password = Encoding.UTF8.GetBytes(password.IsNormalized(NormalizationForm.FormKC) ? password : password.Normalize(NormalizationForm.FormKC));
        _name = name;
        _clientNonce = clientNonce ?? Convert.ToBase64String(RandomNumberGenerator.GetBytes(18));
    }

    private string ClientFirstBare => $"n={_name},r={_clientNonce}";

    public string ClientFirst() => "n,," + ClientFirstBare;

    /// <exception cref="FormatException">The server's message is not as the RFC says, or answers somebody else's nonce.</exception>
    public string ClientFinal(string serverFirst)
    {
        var nonce = Attribute(serverFirst, 'r');
        var salt = Convert.FromBase64String(Attribute(serverFirst, 's'));
        if (!int.TryParse(Attribute(serverFirst, 'i'), NumberStyles.None, CultureInfo.InvariantCulture, out var iterations)
            || iterations is < 1 or > MaxIterations)
        {
            throw new FormatException("the server's SCRAM iteration count is out of range");
        }

        if (nonce.Length <= _clientNonce.Length || !nonce.StartsWith(_clientNonce, StringComparison.Ordinal))
        {
            throw new FormatException("the server's SCRAM nonce does not continue ours");
        }

        var withoutProof = $"c=biws,r={nonce}";
        var authMessage = Encoding.UTF8.GetBytes($"{ClientFirstBare},{serverFirst},{withoutProof}");
        var salted = Rfc2898DeriveBytes.Pbkdf2(_password, salt, iterations, HashAlgorithmName.SHA256, 32);
        var clientKey = HMACSHA256.HashData(salted, "Client Key"u8);
        var proof = HMACSHA256.HashData(SHA256.HashData(clientKey), authMessage);
        for (var i = 0; i < proof.Length; i++)
        {
            proof[i] ^= clientKey[i];
        }

        _serverSignature = HMACSHA256.HashData(HMACSHA256.HashData(salted, "Server Key"u8), authMessage);
        return $"{withoutProof},p={Convert.ToBase64String(proof)}";
    }

    /// <summary>Whether the server has proven that it knows the password too.</summary>
    public bool IsServerGenuine(string serverFinal) =>
        _serverSignature.Length > 0
        && CryptographicOperations.FixedTimeEquals(_serverSignature, Convert.FromBase64String(Attribute(serverFinal, 'v')));

    private static string Attribute(string message, char name)
    {
        foreach (var part in message.Split(','))
        {
            if (part.Length >= 2 && part[0] == name && part[1] == '=')
            {
                return part[2..];
            }
        }

        throw new FormatException($"the server's SCRAM message has no {name}=");
    }
}

// What a server's TLS is made of: what is refused, and by which option.

#include "tls/context.h"

#include <gtest/gtest.h>
#include <openssl/err.h>

#include <chrono>
#include <functional>

#include "support/tls_peer.h"
#include "tls/session_end.h"
#include "tls/ticket_keys.h"

namespace rocket::test {
namespace {

using Change = std::function<void(tls::ContextSettings&)>;

tls::ContextError error_with(const Change& change) {
  tls::ContextSettings settings = server_settings();
  change(settings);
  const auto made = tls::Context::for_server(settings, {});
  const auto* error = std::get_if<tls::ContextError>(&made);
  return error == nullptr ? tls::ContextError{} : *error;
}

void set_key(tls::ContextSettings& to, const std::string& pem) {
  to.keys.clear();
  to.keys.push_back({tls::Secret(pem), tls::Secret("passphrase")});
}

std::string wrong_option(const Change& change) { return error_with(change).option; }

TEST(TlsContext, IsMadeOfAKeyAndItsCertificate) {
  EXPECT_EQ(tls::unavailable(), "");
  EXPECT_NE(server_context(), nullptr);
  EXPECT_EQ(ERR_peek_error(), 0U);
}

TEST(TlsContext, NamesTheOptionThatIsWrong) {
  const Identity other = make_identity("other");
  const std::string good = test_server_identity().certificate;
  EXPECT_EQ(wrong_option([](auto& to) { to.keys.clear(), to.certificates.clear(); }), "key");
  EXPECT_EQ(wrong_option([](auto& to) { set_key(to, {}); }), "key");
  EXPECT_EQ(wrong_option([](auto& to) { to.certificates.clear(); }), "cert");
  EXPECT_EQ(wrong_option([&](auto& to) { to.certificates = {other.certificate}; }), "cert");
  EXPECT_EQ(wrong_option([&](auto& to) { to.certificates = {good + "-----BEGIN CERTIFICATE-----\nAAAA\n"}; }), "cert");
  EXPECT_EQ(wrong_option([](auto& to) { to.authorities = {""}; }), "ca");
  EXPECT_EQ(wrong_option([](auto& to) { to.authorities = {"no PEM"}; }), "ca");
  EXPECT_EQ(wrong_option([&](auto& to) { to.authorities = {good + good.substr(0, 100)}; }), "ca") << "cut short";
  EXPECT_EQ(wrong_option([](auto& to) { to.revocations = {""}; }), "crl");
  EXPECT_EQ(wrong_option([](auto& to) { to.ciphers = "NO-SUCH-CIPHER"; }), "ciphers");
  EXPECT_EQ(wrong_option([](auto& to) { to.ciphers = "TLS_NO_SUCH"; }), "ciphers");
  EXPECT_EQ(wrong_option([](auto& to) { to.ciphers = "aNULL"; }), "ciphers") << "leaves nothing";
  EXPECT_EQ(wrong_option([](auto& to) { to.least = tls::Version::k13, to.most = tls::Version::k12; }), "minVersion");
  EXPECT_EQ(wrong_option([](auto& to) {
              to.ciphers = "TLS_AES_128_GCM_SHA256";
              to.most = tls::Version::k12;
            }),
            "ciphers");
  EXPECT_EQ(wrong_option([](auto& to) { to.curves = "P-0"; }), "ecdhCurve");
  EXPECT_EQ(wrong_option([](auto& to) { to.dh_parameters = "no PEM"; }), "dhparam");
  EXPECT_EQ(wrong_option([](auto& to) { to.pfx.push_back({tls::Secret("no DER"), {}}); }), "pfx");
  EXPECT_EQ(ERR_peek_error(), 0U);
}

TEST(TlsContext, RefusesListsThatAreCutShortWherever) {
  const std::string good = test_server_identity().certificate;
  const std::size_t begin = std::string_view("-----BEGIN CERTIFICATE-----").size();
  for (std::size_t left = 1; left < good.size() - 2; left += left < begin + 2 ? 1 : 97) {
    const std::string list = good + good.substr(0, left);
    EXPECT_EQ(wrong_option([&](auto& to) { to.authorities = {list}; }), "ca") << left;
    EXPECT_EQ(wrong_option([&](auto& to) { to.certificates = {list}; }), "cert") << left;
  }
  const std::string with_cut_line = good + "-----BEGIN CERTIFIC\n" + good;
  EXPECT_EQ(wrong_option([&](auto& to) { to.authorities = {with_cut_line}; }), "ca") << "one behind another";
}

TEST(TlsContext, TakesListsWithRemarks) {
  const Identity& server = test_server_identity();
  for (const std::string remark : {"", "\n", "---\n", "-----\n", "# -----BEGIN", " -----BEGIN \n", "\r\n \r\n"}) {
    EXPECT_EQ(wrong_option([&](auto& to) { to.authorities = {server.certificate + remark}; }), "") << remark;
    EXPECT_EQ(wrong_option([&](auto& to) { to.certificates = {server.certificate + server.key + remark}; }), "");
  }
}

TEST(TlsContext, KnowsWhichOfItsOwnCertificatesExpiresFirst) {
  const auto until = [](const tls::ContextSettings& settings) {
    const auto context = server_context(settings);
    const auto& validity = context->validity();
    return validity ? std::chrono::seconds(validity->until) - std::chrono::system_clock::now().time_since_epoch()
                    : std::chrono::seconds(0);
  };
  const Identity authority = make_identity("authority", {.days = 3});
  const Identity leaf = make_identity("leaf", {.issuer = &authority, .days = 40'000});  // past 2038, and 2100
  tls::ContextSettings settings;
  settings.keys.push_back({tls::Secret(leaf.key), tls::Secret()});
  settings.certificates = {leaf.certificate};
  constexpr std::chrono::hours kDay(24);
  EXPECT_LE(until(settings), 40'000 * kDay);
  EXPECT_GT(until(settings), 39'999 * kDay);
  settings.certificates = {leaf.certificate + authority.certificate};
  EXPECT_LE(until(settings), 3 * kDay);
  EXPECT_GT(until(settings), 2 * kDay);
  const auto validity = server_context(settings)->validity();
  EXPECT_EQ(std::chrono::seconds(validity->until - validity->from), 13 * kDay);
}

TEST(TlsContext, SaysNothingOfSecrets) {
  const auto error = error_with([](auto& to) { set_key(to, "my secret"); });
  EXPECT_EQ(error.why.find("secret"), std::string::npos);
  EXPECT_NE(error.why, "");
}

TEST(TlsContext, TakesListsThatHaveSuitesOfOneVersionAlone) {
  EXPECT_EQ(wrong_option([](auto& to) { to.ciphers = "TLS_AES_128_GCM_SHA256"; }), "");
  EXPECT_EQ(wrong_option([](auto& to) { to.ciphers = "ECDHE-ECDSA-AES128-GCM-SHA256"; }), "");
}

TEST(TlsSessionEnd, IsLookedAtInEveryTicket) {
  const std::unique_ptr<SSL_SESSION, decltype(&SSL_SESSION_free)> session(SSL_SESSION_new(), &SSL_SESSION_free);
  const auto verdict = [&](SSL_TICKET_STATUS status) {
    return tls::check_session_end(nullptr, session.get(), nullptr, 0, status, nullptr);
  };
  const auto ends_in = [&](tls::UnixSeconds seconds) {
    const tls::UnixSeconds end = tls::unix_now() + seconds;
    SSL_SESSION_set1_ticket_appdata(session.get(), &end, sizeof end);
  };
  EXPECT_EQ(verdict(SSL_TICKET_SUCCESS), SSL_TICKET_RETURN_IGNORE_RENEW) << "it says nothing of its end";
  ends_in(0);
  EXPECT_EQ(verdict(SSL_TICKET_SUCCESS), SSL_TICKET_RETURN_IGNORE_RENEW) << "as the certificate has expired";
  ends_in(100);
  EXPECT_EQ(verdict(SSL_TICKET_SUCCESS), SSL_TICKET_RETURN_USE);
  EXPECT_EQ(verdict(SSL_TICKET_SUCCESS_RENEW), SSL_TICKET_RETURN_USE_RENEW);
  EXPECT_EQ(verdict(SSL_TICKET_NO_DECRYPT), SSL_TICKET_RETURN_IGNORE_RENEW);
  EXPECT_EQ(verdict(SSL_TICKET_EMPTY), SSL_TICKET_RETURN_IGNORE_RENEW);
  SSL_SESSION_set1_ticket_appdata(session.get(), "short", 5);
  EXPECT_EQ(verdict(SSL_TICKET_SUCCESS), SSL_TICKET_RETURN_IGNORE_RENEW);
}

TEST(TlsTicketKeys, AreReplacedAndStillOpenOlderTickets) {
  tls::TicketKeys keys;
  tls::TicketKeys::Key first{};
  tls::TicketKeys::Key second{};
  tls::TicketKeys::Key found{};
  ASSERT_TRUE(keys.start({}, 0));
  ASSERT_TRUE(keys.current(1, first));
  ASSERT_TRUE(keys.current(tls::TicketKeys::kLife - 1, second));
  EXPECT_EQ(first, second);
  ASSERT_TRUE(keys.current(tls::TicketKeys::kLife, second));
  EXPECT_NE(first, second);
  EXPECT_EQ(keys.find(first.data(), tls::TicketKeys::kLife + 1, found), tls::TicketKeys::Found::kOld);
  EXPECT_EQ(found, first);
  EXPECT_EQ(keys.find(second.data(), tls::TicketKeys::kLife + 1, found), tls::TicketKeys::Found::kCurrent);
  EXPECT_EQ(keys.find(first.data(), 2 * tls::TicketKeys::kLife, found), tls::TicketKeys::Found::kNone);
}

TEST(TlsTicketKeys, ThatWereGivenStay) {
  tls::TicketKeys keys;
  tls::TicketKeys::Key key{};
  const std::string given(tls::TicketKeys::kBytes, 'k');
  ASSERT_TRUE(keys.start(given, 0));
  ASSERT_TRUE(keys.current(100 * tls::TicketKeys::kLife, key));
  EXPECT_EQ(as_text(key), given);
}

}  // namespace
}  // namespace rocket::test
